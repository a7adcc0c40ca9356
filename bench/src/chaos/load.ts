import { eventId, type LoadEvent } from './event-id.ts';
import { pause } from './waiting.ts';

export interface LoadOptions {
  /** Asked before each request: the base URLs of the nodes that may be called. */
  readonly nodes: () => readonly string[];
  readonly rootKey: string;
  readonly organizations: readonly string[];
  /** Subjects of each organization; each has one event under way at most. */
  readonly subjects: number;
  /** Events a second, of all subjects together. */
  readonly rate: number;
  /** Of each event's padding. */
  readonly padBytes: number;
  /** Tells subjects of one load from those of another. */
  readonly name: string;
}

export interface LoadEnd {
  /** Ids of what was answered with 202, be it to a repeat. */
  readonly accepted: ReadonlySet<string>;
  /** Answers other than 202, and requests without one. */
  readonly refused: number;
  readonly unanswered: number;
}

type Place = Pick<LoadEvent, 'organization' | 'subject'>;

const REQUEST_MS = 10_000;
const REPEAT_MS = 100;
const HELD_MS = 10;
/** After the load was stopped, what is under way is repeated so long. */
const LAST_REPEATS_MS = 30_000;

/**
 * Emits events, subject by subject one after the other. Successive requests go to different nodes. A request that was
 * not accepted is repeated with the same id, as a client does that must not lose it.
 */
export class Load implements AsyncDisposable {
  readonly #options: LoadOptions;
  readonly #accepted = new Set<string>();
  readonly #latenciesMs: number[] = [];
  readonly #workers: Promise<void>[];
  #refused = 0;
  #unanswered = 0;
  #endsAt = Number.POSITIVE_INFINITY;
  #stopped = false;
  #held = false;
  #underWay = 0;
  #turn = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    const all = options.organizations.flatMap((organization) =>
      Array.from({ length: options.subjects }, (_, index) => ({ organization, subject: `${options.name}-${index}` })),
    );
    this.#workers = all.map((place, index) => this.#work(place, index / all.length));
    for (const worker of this.#workers) worker.catch(() => {});
  }

  /** How long the accepted requests took so far, in milliseconds; repeats by themselves. */
  get latenciesMs(): readonly number[] {
    return this.#latenciesMs;
  }

  /** Whether no event is under way. */
  get idle(): boolean {
    return this.#underWay === 0;
  }

  /** Starts no further event until told otherwise. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /** Starts no further event, and waits for those under way. Throws if a request was wrong. */
  async stop(): Promise<LoadEnd> {
    this.#stopped = true;
    this.#endsAt = performance.now() + LAST_REPEATS_MS;
    await Promise.all(this.#workers);
    return { accepted: this.#accepted, refused: this.#refused, unanswered: this.#unanswered };
  }

  /** Gives up what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#endsAt = 0;
    await Promise.allSettled(this.#workers);
  }

  async #work(place: Place, phase: number): Promise<void> {
    const { rate, organizations, subjects } = this.#options;
    const eachMs = (1000 * organizations.length * subjects) / rate;
    let next = performance.now() + phase * eachMs;
    for (let sequence = 1; ; sequence++) {
      await pause(next - performance.now());
      while (this.#held && !this.#stopped) await pause(HELD_MS);
      // What a fault kept waiting is not made up for all at once.
      next = Math.max(next + eachMs, performance.now());
      if (this.#stopped) return;
      this.#underWay++;
      const accepted = await this.#untilAccepted(place, eventId({ ...place, sequence }));
      this.#underWay--;
      if (!accepted) return;
    }
  }

  async #untilAccepted(place: Place, id: string): Promise<boolean> {
    while (!(await this.#emit(place, id))) {
      if (performance.now() > this.#endsAt) return false;
      await pause(REPEAT_MS);
    }
    this.#accepted.add(id);
    return true;
  }

  async #emit({ organization, subject }: Place, id: string): Promise<boolean> {
    const nodes = this.#options.nodes();
    const node = nodes[this.#turn++ % nodes.length];
    if (node === undefined) return false;
    const started = performance.now();
    const event = { id, type: 'load.sent', subject: { kind: 'subject', id: subject }, data: { pad: 'x'.repeat(this.#options.padBytes) } };
    const answer = await post(`${node}/v1/organizations/${organization}/events`, this.#options.rootKey, event);
    if (answer === null) {
      this.#unanswered++;
      return false;
    }
    if (answer.status === 202) {
      this.#latenciesMs.push(performance.now() - started);
      return true;
    }
    this.#refused++;
    if (answer.status < 500 && answer.status !== 429) throw new Error(`The event ${id} was answered ${answer.status}: ${answer.text}`);
    return false;
  }
}

async function post(url: string, rootKey: string, body: object): Promise<{ status: number; text: string } | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch {
    return null;
  }
}

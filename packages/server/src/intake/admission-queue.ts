import { PosthornError } from '@posthorn/protocol';
import { MAX_WAIT_MS, newTicket, type RequestTicket } from '../batching/request-ticket.ts';
import { overloaded } from '../batching/overloaded.ts';
import { DrainRate } from './drain-rate.ts';

export interface AdmissionQueueOptions {
  /** Whether enough events wait to be stored: of this organization, or of all organizations together. */
  readonly isFull: (organization: number) => boolean;
  /** Monotonic, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** A request whose body has arrived. */
export interface Applicant {
  readonly line: Line;
  readonly bytes: number;
  /** Whether its client has closed the connection. */
  readonly isGone: () => boolean;
  /** Called once: with a ticket if the request is admitted, otherwise with the error. */
  readonly decide: (decision: RequestTicket | PosthornError) => void;
}

interface Waiting extends Applicant {
  readonly since: number;
}

/** The requests of one organization that wait, in order of arrival. */
export interface Line {
  readonly organization: number;
  readonly waiting: Waiting[];
  /** Bytes of bodies that are being received. */
  announced: number;
  /** Bytes of bodies that wait. */
  bytes: number;
  /** Bytes that it may still admit in this turn. */
  deficit: number;
}

/** Bytes admitted at once. Admitted events are counted only after parsing, and deliveries must run in between. */
const BYTES_A_TURN = 64 * 1024;
/** Bytes that an organization may admit before the next one's turn. */
const QUANTUM = 64 * 1024;
/** A request with a longer expected wait is rejected on arrival, because it would be rejected later anyway. */
const MAX_EXPECTED_WAIT_MS = 1_000;
const CHECK_MS = 100;
/** Above this number, lines without requests are dropped. */
const KEPT_LINES = 1_000;
const MAX_RETRY_AFTER_SECONDS = 10;

/**
 * Holds request bodies back, unparsed, while enough events wait to be stored: a parsed event is about 100 objects,
 * which the garbage collector copies until it is stored. Organizations take turns (deficit round robin). A request
 * waits at most `MAX_WAIT_MS`, and is rejected on arrival if the current drain rate means a longer wait.
 */
export class AdmissionQueue {
  readonly #isFull: (organization: number) => boolean;
  readonly #now: () => number;
  readonly #lines = new Map<number, Line>();
  /** Lines in the order of their turns. */
  readonly #rotation: Line[] = [];
  readonly #rate: DrainRate;
  #turning = false;
  #watching = false;

  constructor({ isFull, now = () => performance.now() }: AdmissionQueueOptions) {
    this.#isFull = isFull;
    this.#now = now;
    this.#rate = new DrainRate(now);
  }

  /**
   * Announces a body of that many bytes before it is read. Returns an error if the request would wait too long,
   * otherwise the organization's line. The caller must then call `enter` or `withdraw`.
   */
  announce(organization: number, bytes: number): Line | PosthornError {
    const line = this.#lineOf(organization);
    const refusal = this.#refusal(line, bytes);
    if (refusal) return refusal;
    line.announced += bytes;
    return line;
  }

  /** Cancels an announcement: its body will not arrive. */
  withdraw(line: Line, announced: number): void {
    line.announced -= announced;
  }

  /** Queues a request whose body has arrived. Decides at once or later: at its turn or after `MAX_WAIT_MS`. */
  enter(applicant: Applicant, announced: number): void {
    const { line, bytes, decide } = applicant;
    this.withdraw(line, announced);
    if (this.#hasRoom(line)) return decide(newTicket(this.#now()));
    // Bytes beyond the announced ones have not been checked yet.
    const refusal = this.#refusal(line, bytes - announced);
    if (refusal) return decide(refusal);
    if (this.#rotation.length === 0) this.#rate.begin();
    if (line.waiting.length === 0) this.#rotation.push(line);
    line.waiting.push({ ...applicant, since: this.#now() });
    line.bytes += bytes;
    this.#watch();
  }

  /** Admits waiting requests. The owner must call it whenever a batch has been sent to the database. */
  turn(): void {
    if (this.#turning || this.#rotation.length === 0) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      if (this.#letIn()) this.turn();
    });
  }

  /** Ignores other organizations' lines: those are full themselves, or their turn is due at once. */
  #hasRoom(line: Line): boolean {
    return line.waiting.length === 0 && !this.#isFull(line.organization);
  }

  #lineOf(organization: number): Line {
    const known = this.#lines.get(organization);
    if (known) return known;
    if (this.#lines.size >= KEPT_LINES) this.#dropEmptyLines();
    const line: Line = { organization, waiting: [], announced: 0, bytes: 0, deficit: 0 };
    this.#lines.set(organization, line);
    return line;
  }

  #dropEmptyLines(): void {
    for (const [organization, { waiting, announced }] of this.#lines) {
      if (waiting.length === 0 && announced === 0) this.#lines.delete(organization);
    }
  }

  /** Assumes that every other organization admits as many bytes first as this line would hold. */
  #refusal(line: Line, bytes: number): PosthornError | null {
    if (bytes <= 0 || this.#hasRoom(line)) return null;
    const own = line.bytes + line.announced + bytes;
    let ahead = own;
    for (const other of this.#rotation) if (other !== line) ahead += Math.min(other.bytes + other.announced, own);
    const waitMs = this.#rate.msFor(ahead);
    return waitMs > MAX_EXPECTED_WAIT_MS ? tooMuchWaits(waitMs) : null;
  }

  /** Returns whether more could enter. */
  #letIn(): boolean {
    for (let bytes = 0; bytes < BYTES_A_TURN;) {
      const next = this.#next();
      if (!next) return false;
      if (next.isGone()) next.decide(clientGone());
      else {
        bytes += next.bytes;
        next.decide(newTicket(next.since));
      }
      this.#rate.passed(next.bytes);
    }
    return true;
  }

  #next(): Waiting | undefined {
    let full = 0;
    for (let line = this.#rotation[0]; line && full < this.#rotation.length; line = this.#rotation[0]) {
      const [head] = line.waiting;
      if (this.#isFull(line.organization)) {
        full++;
        this.#rotation.push(line);
        this.#rotation.shift();
        continue;
      }
      full = 0;
      if (head && head.bytes <= line.deficit) {
        line.deficit -= head.bytes;
        line.bytes -= head.bytes;
        line.waiting.shift();
        if (line.waiting.length === 0) this.#remove(line);
        return head;
      }
      line.deficit += QUANTUM;
      this.#rotation.shift();
      this.#rotation.push(line);
    }
    return undefined;
  }

  #remove(line: Line): void {
    line.deficit = 0;
    this.#rotation.splice(this.#rotation.indexOf(line), 1);
  }

  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    setTimeout(this.#refuseLate, CHECK_MS);
  }

  readonly #refuseLate = (): void => {
    this.#watching = false;
    const latest = this.#now() - MAX_WAIT_MS;
    for (const line of [...this.#rotation]) {
      for (let [head] = line.waiting; head && (head.since <= latest || head.isGone()); [head] = line.waiting) {
        line.waiting.shift();
        line.bytes -= head.bytes;
        head.decide(head.isGone() ? clientGone() : overloaded());
      }
      if (line.waiting.length === 0) this.#remove(line);
    }
    this.#rate.passed(0);
    // Admitted requests may have been rejected for their contents, so that no batch triggers the next turn.
    this.turn();
    if (this.#rotation.length > 0) this.#watch();
  };
}

function tooMuchWaits(waitMs: number): PosthornError {
  return overloaded(Math.min(MAX_RETRY_AFTER_SECONDS, Math.ceil(waitMs / 1_000)));
}

function clientGone(): PosthornError {
  return new PosthornError('request_timeout', 'The client closed the connection before the request was stored.');
}

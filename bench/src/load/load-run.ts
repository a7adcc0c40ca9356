import { nowUs } from '../measure/clock.ts';
import { ByteLedger, OUTCOME } from '../measure/ledger.ts';
import { Samples, type Distribution } from '../measure/samples.ts';
import { Connection, type Answer } from './connection.ts';
import { RequestTemplate, type RequestShape } from './request-template.ts';

export interface LoadPlan extends RequestShape {
  /** Of the servers; connections are spread evenly. */
  readonly ports: readonly number[];
  readonly connections: number;
  /** Events a second, sent whether or not earlier ones are answered; null: every connection sends as soon as it is answered. */
  readonly rate: number | null;
}

export interface LoadCounts {
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  /** The connection broke before the answer. */
  readonly unanswered: number;
  /** How often each status came that is no success. */
  readonly statuses: Readonly<Record<string, number>>;
}

export interface LoadWindow {
  readonly seconds: number;
  readonly accepted: number;
  /** Sent → answered, µs. */
  readonly latency: Distribution;
}

interface Lane {
  readonly template: RequestTemplate;
  sequence: number;
  sentUs: number;
  notBefore: number;
}

const TICK_MS = 1;
const MAX_BACK_OFF_MS = 1000;

/** One run of load. Sequence numbers go on over all windows, so that every event can be accounted for. */
export class LoadRun {
  readonly #plan: LoadPlan;
  readonly #connections: Connection[] = [];
  readonly #lanes = new Map<Connection, Lane>();
  readonly #idle: Connection[] = [];
  readonly #outcomes = new ByteLedger();
  readonly #latencies = new Samples();
  readonly #statuses: Record<string, number> = {};
  readonly #startedUs = nowUs();
  readonly #timer: NodeJS.Timeout | null;
  #next = 0;
  #due = 0;
  #accepted = 0;
  #refused = 0;
  #unanswered = 0;
  #stopped = false;
  #windowStartUs = 0;
  #windowAccepted = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    for (let index = 0; index < plan.connections; index++) {
      const port = plan.ports[index % plan.ports.length] ?? 0;
      const connection = new Connection({
        port,
        onReady: (ready) => this.#ready(ready),
        onAnswer: (answered, answer) => this.#answered(answered, answer),
      });
      this.#connections.push(connection);
      this.#lanes.set(connection, { template: new RequestTemplate(plan), sequence: 0, sentUs: 0, notBefore: 0 });
    }
    this.#timer = plan.rate === null ? null : setInterval(() => this.#tick(), TICK_MS);
  }

  counts(): LoadCounts {
    return {
      sent: this.#next,
      accepted: this.#accepted,
      refused: this.#refused,
      unanswered: this.#unanswered,
      statuses: { ...this.#statuses },
    };
  }

  outcomes(): Uint8Array {
    return this.#outcomes.bytes();
  }

  openWindow(): void {
    this.#latencies.clear();
    this.#windowStartUs = nowUs();
    this.#windowAccepted = this.#accepted;
  }

  closeWindow(): LoadWindow {
    const seconds = (nowUs() - this.#windowStartUs) / 1e6;
    return { seconds, accepted: this.#accepted - this.#windowAccepted, latency: this.#latencies.distribution() };
  }

  /** Sends nothing more, and waits for the answers still to come. */
  async stop(deadlineMs: number): Promise<LoadCounts> {
    this.#stopped = true;
    if (this.#timer) clearInterval(this.#timer);
    const deadline = performance.now() + deadlineMs;
    while (this.#connections.some((connection) => connection.busy) && performance.now() < deadline) await pause(5);
    for (const connection of this.#connections) connection.close();
    return this.counts();
  }

  #ready(connection: Connection): void {
    if (this.#stopped) return;
    const lane = this.#lanes.get(connection);
    if (!lane) return;
    const wait = lane.notBefore - performance.now();
    if (wait > 0) {
      // The connection may break and be ready again meanwhile: of two timers, only the first may send.
      setTimeout(() => {
        if (connection.writable) this.#ready(connection);
      }, wait);
      return;
    }
    if (this.#plan.rate === null) this.#send(connection, nowUs());
    else if (this.#due > this.#next) this.#send(connection, this.#dueUs());
    else this.#idle.push(connection);
  }

  /** The moment at which the next event should have been sent: what waits for a connection has waited. */
  #dueUs(): number {
    return this.#startedUs + Math.floor((this.#next / (this.#plan.rate ?? 1)) * 1e6);
  }

  #tick(): void {
    this.#due = Math.floor(((nowUs() - this.#startedUs) / 1e6) * (this.#plan.rate ?? 0));
    while (this.#due > this.#next) {
      const connection = this.#idle.pop();
      if (!connection) return;
      if (!connection.writable) continue;
      this.#send(connection, this.#dueUs());
    }
  }

  #send(connection: Connection, timeUs: number): void {
    const lane = this.#lanes.get(connection);
    if (!lane) return;
    lane.sequence = this.#next;
    lane.sentUs = timeUs;
    this.#next += this.#plan.batch;
    lane.template.stamp(lane.sequence, timeUs);
    for (let index = 0; index < this.#plan.batch; index++) this.#outcomes.set(lane.sequence + index, OUTCOME.sent);
    connection.send(lane.template.bytes);
  }

  #answered(connection: Connection, answer: Answer | null): void {
    const lane = this.#lanes.get(connection);
    if (!lane) return;
    if (answer === null) this.#unanswered += this.#plan.batch;
    else if (answer.status >= 200 && answer.status <= 299) this.#taken(lane, answer);
    else this.#turnedAway(lane, answer);
  }

  #taken(lane: Lane, answer: Answer): void {
    this.#latencies.add(Math.max(0, nowUs() - lane.sentUs));
    if (this.#plan.batch === 1) {
      this.#outcomes.set(lane.sequence, OUTCOME.accepted);
      this.#accepted++;
      return;
    }
    const { results } = JSON.parse(answer.body.toString('utf8')) as { results: { code?: string }[] };
    results.forEach((result, index) => {
      const accepted = result.code === undefined;
      this.#outcomes.set(lane.sequence + index, accepted ? OUTCOME.accepted : OUTCOME.refused);
      if (accepted) this.#accepted++;
      else this.#refused++;
    });
  }

  #turnedAway(lane: Lane, { status, head, body }: Answer): void {
    const { batch } = this.#plan;
    const before = this.#statuses[status] ?? 0;
    this.#statuses[status] = before + 1;
    this.#refused += batch;
    for (let index = 0; index < batch; index++) this.#outcomes.set(lane.sequence + index, OUTCOME.refused);
    if (before === 0 && status !== 503) process.stderr.write(`The server answered ${status}: ${body.toString('utf8').slice(0, 500)}\n`);
    // As told, and not all at the same moment.
    const seconds = Number(/\r\nretry-after: *(\d+)/i.exec(head)?.[1] ?? 0);
    lane.notBefore = performance.now() + Math.min(MAX_BACK_OFF_MS, seconds * 1000) * (0.5 + Math.random() / 2);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

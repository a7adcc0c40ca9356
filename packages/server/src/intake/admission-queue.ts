import { PosthornError } from '@posthorn/protocol';
import { MAX_WAIT_MS, newTicket, type RequestTicket } from '../store/request-ticket.ts';
import { overloaded } from '../store/store-error.ts';
import { DrainRate } from './drain-rate.ts';

export interface AdmissionQueueOptions {
  /** Whether enough of the organization waits to be stored already, or of all together. */
  readonly isFull: (organization: number) => boolean;
  /** Monotonic, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number;
}

/** A request whose body has arrived, as it was announced. */
export interface Applicant {
  readonly line: Line;
  readonly bytes: number;
  /** Whether its client has closed the connection. */
  readonly isGone: () => boolean;
  /** Called once: with a ticket if the request may be parsed and stored, with the error if it may not. */
  readonly decide: (decision: RequestTicket | PosthornError) => void;
}

interface Waiting extends Applicant {
  readonly since: number;
}

/** What waits of one organization, in the order of arrival. */
export interface Line {
  readonly organization: number;
  readonly waiting: Waiting[];
  /** Of bodies that are being received. */
  announced: number;
  /** Of bodies that wait. */
  bytes: number;
  /** What it may still let in before the turn passes on. */
  deficit: number;
}

/** Requests let in together. What they hold is counted only when they have been parsed, and deliveries run in between. */
const BYTES_A_TURN = 64 * 1024;
/** What an organization lets in before the next one's turn. */
const QUANTUM = 64 * 1024;
/** A request that would wait for longer is refused on arrival: it would be refused later. */
const MAX_EXPECTED_WAIT_MS = 1_000;
const CHECK_MS = 100;
/** Organizations of which nothing waits are dropped when there are more than this. */
const KEPT_LINES = 1_000;
const MAX_RETRY_AFTER_SECONDS = 10;

/**
 * Holds request bodies back while enough waits to be stored. What waits here is bytes; once parsed, an event is a hundred objects
 * that the garbage collector copies until it is stored. Organizations take turns (deficit round robin). A request waits for
 * `MAX_WAIT_MS` at most, and is refused on arrival if the rate at which requests are let in says that this will not do.
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
   * Announces a body of so many bytes, before it is read. Returns the error if the request would wait too long; otherwise the
   * line of its organization. Then either `enter` or `withdraw` follows.
   */
  announce(organization: number, bytes: number): Line | PosthornError {
    const line = this.#lineOf(organization);
    const refusal = this.#refusal(line, bytes);
    if (refusal) return refusal;
    line.announced += bytes;
    return line;
  }

  /** An announced body does not come. */
  withdraw(line: Line, announced: number): void {
    line.announced -= announced;
  }

  /** An announced body has come. Decides at once if there is room or no hope; otherwise when the turn or the time has come. */
  enter(applicant: Applicant, announced: number): void {
    const { line, bytes, decide } = applicant;
    this.withdraw(line, announced);
    if (this.#hasRoom(line)) return decide(newTicket(this.#now()));
    // What was not announced is decided now.
    const refusal = this.#refusal(line, bytes - announced);
    if (refusal) return decide(refusal);
    if (this.#rotation.length === 0) this.#rate.begin();
    if (line.waiting.length === 0) this.#rotation.push(line);
    line.waiting.push({ ...applicant, since: this.#now() });
    line.bytes += bytes;
    this.#watch();
  }

  /** To be called when something has left for the database. */
  turn(): void {
    if (this.#turning || this.#rotation.length === 0) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      if (this.#letIn()) this.turn();
    });
  }

  /** Other organizations may wait: they do because enough of theirs waits to be stored, or it is their turn at once. */
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

  /** Of each organization as much comes first as the line's own would be. */
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
    // Requests that were let in may have been refused for what is in them, so that nothing leaves for the database.
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

import { PosthornError } from '@posthorn/protocol';

export interface TurnstileOptions {
  /** Whether enough waits to be stored already. */
  readonly isFull: () => boolean;
  /** What may wait here, in bytes. */
  readonly maxBytes?: number;
}

interface Waiting {
  readonly bytes: number;
  readonly proceed: () => void;
}

const MAX_BYTES = 64 * 1024 * 1024;
/** Bodies let through together. What they hold is counted only when they have been read, and deliveries go on in between. */
const BYTES_A_TURN = 64 * 1024;

/**
 * Keeps request bodies out while enough waits to be stored, in the order in which they came. What waits here is bytes;
 * once read, an event is a hundred objects, which the garbage collector copies until it is stored. With 64 batches of
 * a hundred under way, the server takes in and delivers a fifth more for it.
 */
export class Turnstile {
  readonly #isFull: () => boolean;
  readonly #maxBytes: number;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #turning = false;

  constructor({ isFull, maxBytes = MAX_BYTES }: TurnstileOptions) {
    this.#isFull = isFull;
    this.#maxBytes = maxBytes;
  }

  /** Calls `proceed` when there is room: at once, or when the turn has come. Throws `overloaded` where too much waits already. */
  enter(bytes: number, proceed: () => void): void {
    if (this.#waiting.length === 0 && !this.#isFull()) return proceed();
    if (this.#waiting.length > 0 && this.#bytes + bytes > this.#maxBytes) {
      throw new PosthornError('overloaded', 'More is waiting to be stored than the server takes on.', { retryAfterSeconds: 1 });
    }
    this.#waiting.push({ bytes, proceed });
    this.#bytes += bytes;
  }

  /** To be called when something has left for the database. */
  turn(): void {
    if (this.#turning || this.#waiting.length === 0) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      this.#letThrough();
      if (!this.#isFull()) this.turn();
    });
  }

  #letThrough(): void {
    for (let bytes = 0; bytes < BYTES_A_TURN && !this.#isFull();) {
      const next = this.#waiting.shift();
      if (!next) return;
      bytes += next.bytes;
      this.#bytes -= next.bytes;
      next.proceed();
    }
  }
}

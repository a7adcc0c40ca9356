import type { BreakerOptions } from './options.ts';

/** Asked for a probe and given none (all parked jobs may be gone), it asks again after this or its backoff, whichever is longer. */
const ASK_AGAIN_MS = 10_000;

/** Keeps work from a webhook that does nothing but fail. One is made at the first failure and thrown away at the next success. */
export class Breaker {
  readonly #options: BreakerOptions;
  /** When the last failures in a row happened; at most as many as open it. */
  readonly #failedAt: number[] = [];
  #backoffMs = 0;
  #probeAt: number | null = null;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#probeAt !== null;
  }

  /** When the next probe is wanted; null: it is closed; Infinity: a probe is under way. */
  get probeAt(): number | null {
    return this.#probeAt;
  }

  /** Counts a failure; true: it opens now. */
  failed(now: number): boolean {
    if (this.isOpen) return false;
    const { failures, withinMs } = this.#options;
    this.#failedAt.push(now);
    if (this.#failedAt.length > failures) this.#failedAt.shift();
    const first = this.#failedAt[0];
    if (first === undefined || this.#failedAt.length < failures || now - first > withinMs) return false;
    this.open(now);
    return true;
  }

  open(now: number): void {
    this.#backoffMs = this.#options.firstProbeMs;
    this.#probeAt = now + this.#backoffMs;
  }

  /** The caller was told that a probe is wanted. */
  asked(now: number): void {
    this.#probeAt = now + Math.max(this.#backoffMs, ASK_AGAIN_MS);
  }

  probeQueued(): void {
    this.#probeAt = Number.POSITIVE_INFINITY;
  }

  /** The probe went back unsent. */
  probeReturned(now: number): void {
    this.#probeAt = now + this.#backoffMs;
  }

  probeFailed(now: number): void {
    this.#backoffMs = Math.min(this.#options.maxProbeMs, this.#backoffMs * 2);
    this.#probeAt = now + this.#backoffMs;
  }
}

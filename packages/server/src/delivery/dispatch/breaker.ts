import type { BreakerOptions } from './options.ts';

/** If no job was offered for a wanted probe (all parked jobs may be gone), the breaker asks again after this time or its backoff, whichever is longer. */
const ASK_AGAIN_MS = 10_000;

/** Keeps work from a webhook whose deliveries all fail. One is made at the first failure and thrown away at the next success. */
export class Breaker {
  readonly #options: BreakerOptions;
  /** When the last failures in a row happened; at most as many as open it. */
  readonly #failedAt: number[] = [];
  #backoffMs = 0;
  #probeAt: number | null = null;
  /** When the endpoint was last tried: the failure that opened the breaker, or the last probe's end. */
  #triedAt = 0;
  /** The endpoint asked not to be called before this time. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** A probe is wanted, and no job has been offered for it yet. */
  #isAsking = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#probeAt !== null;
  }

  /** When the next probe is wanted; null: it is closed; Infinity: a probe is queued or in flight. */
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
    this.#triedAt = now;
    this.#backOff(now, this.#options.firstProbeMs);
  }

  /** The endpoint asked to be left alone: no probe is wanted before `at`. */
  delayUntil(at: number): void {
    this.#notBefore = Math.max(this.#notBefore, at);
    if (this.#probeAt !== null) this.#probeAt = Math.max(this.#probeAt, at);
  }

  /**
   * Whether a job that has just come may be the probe. A fresh one may some seconds after the endpoint was last tried,
   * however far the backoff has grown. A retry may only if a probe was asked for and no job was offered for it.
   */
  admits(kind: 'fresh' | 'retry', now: number): boolean {
    if (this.#probeAt === null || this.#probeAt === Number.POSITIVE_INFINITY) return false;
    return kind === 'fresh' ? now >= this.#freshProbeAt : this.#isAsking && now >= this.#notBefore;
  }

  /** A fresh job waits for the endpoint: the next probe is wanted as soon as a fresh job may be one. */
  hasten(): void {
    if (this.#probeAt === null || this.#probeAt === Number.POSITIVE_INFINITY) return;
    const wantedAt = Math.max(this.#freshProbeAt, this.#askedAt + this.#options.freshProbeMs);
    this.#probeAt = Math.min(this.#probeAt, wantedAt);
  }

  /** The caller was told that a probe is wanted. */
  asked(now: number): void {
    this.#isAsking = true;
    this.#probeAt = now + Math.max(this.#backoffMs, ASK_AGAIN_MS);
    this.#askedAt = now;
  }

  probeQueued(): void {
    this.#isAsking = false;
    this.#probeAt = Number.POSITIVE_INFINITY;
  }

  /** The probe went back unsent. */
  probeReturned(now: number): void {
    this.#backOff(now, this.#backoffMs);
  }

  probeFailed(now: number): void {
    this.#triedAt = now;
    this.#backOff(now, Math.min(this.#options.maxProbeMs, this.#backoffMs * 2));
  }

  #backOff(now: number, backoffMs: number): void {
    this.#isAsking = false;
    this.#backoffMs = backoffMs;
    this.#probeAt = Math.max(this.#notBefore, now + backoffMs);
  }

  get #freshProbeAt(): number {
    return Math.max(this.#notBefore, this.#triedAt + Math.min(this.#backoffMs, this.#options.freshProbeMs));
  }
}

import type { BreakerOptions } from './options.ts';

/**
 * A requested probe may get no job, as when all spilled jobs are gone. The breaker requests another after this time, or
 * after its backoff if that is longer.
 */
const ASK_AGAIN_MS = 10_000;

/**
 * Stops sending to a webhook whose deliveries all fail. Created at the first failure and discarded at the next success.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  /** Times of the latest consecutive failures, at most as many as open the breaker. */
  readonly #failedAt: number[] = [];
  #backoffMs = 0;
  #probeAt: number | null = null;
  /** When the endpoint was last tried: the failure that opened the breaker, or the end of the last probe. */
  #triedAt = 0;
  /** The endpoint asked not to be called before this time. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Whether a probe was requested and no job has been offered for it yet. */
  #isAsking = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#probeAt !== null;
  }

  /** When the next probe is due; null: the breaker is closed; Infinity: a probe is queued or in flight. */
  get probeAt(): number | null {
    return this.#probeAt;
  }

  /** Counts a failure. Returns true if it opens the breaker. */
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

  /** The endpoint asked for a pause: no probe is due before `at`. */
  delayUntil(at: number): void {
    this.#notBefore = Math.max(this.#notBefore, at);
    if (this.#probeAt !== null) this.#probeAt = Math.max(this.#probeAt, at);
  }

  /**
   * Whether a newly offered job may be the probe. A fresh job may, once `freshProbeMs` (or a shorter backoff) have
   * passed since the last try. A retry may only if a probe was requested and no job was offered for it.
   */
  admits(kind: 'fresh' | 'retry', now: number): boolean {
    if (this.#probeAt === null || this.#probeAt === Number.POSITIVE_INFINITY) return false;
    return kind === 'fresh' ? now >= this.#freshProbeAt : this.#isAsking && now >= this.#notBefore;
  }

  /** A fresh job waits for the endpoint: makes the next probe due as soon as a fresh job may be one. */
  hasten(): void {
    if (this.#probeAt === null || this.#probeAt === Number.POSITIVE_INFINITY) return;
    const wantedAt = Math.max(this.#freshProbeAt, this.#askedAt + this.#options.freshProbeMs);
    this.#probeAt = Math.min(this.#probeAt, wantedAt);
  }

  /** The caller was asked to offer a probe. */
  asked(now: number): void {
    this.#isAsking = true;
    this.#probeAt = now + Math.max(this.#backoffMs, ASK_AGAIN_MS);
    this.#askedAt = now;
  }

  probeQueued(): void {
    this.#isAsking = false;
    this.#probeAt = Number.POSITIVE_INFINITY;
  }

  /** The probe was not sent. */
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

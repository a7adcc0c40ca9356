import type { LaneKey, LaneSettings, OfferOptions, OfferResult, Outcome, Released } from './offer.ts';
import type { DispatcherOptions } from './options.ts';

/** A job's slot, from `take` to `release`. Opaque. */
export interface Lease<Job> {
  readonly job: Job;
}

export class Dispatcher<Job> {
  constructor(options: DispatcherOptions) {
    void options;
  }
  get queued(): number {
    return 0;
  }
  get inFlight(): number {
    return 0;
  }
  /** Queued jobs of responsive webhooks whose window has room. */
  get runnable(): number {
    return 0;
  }
  offer(lane: LaneKey & LaneSettings, job: Job, options: OfferOptions): OfferResult {
    throw new Error(`not yet ${String([lane, job, options])}`);
  }
  take(now: number): { readonly job: Job; readonly lease: Lease<Job> } | null {
    throw new Error(`not yet ${now}`);
  }
  release(lease: Lease<Job>, outcome: Outcome, now: number): Released<Job> {
    throw new Error(`not yet ${String([lease, outcome, now])}`);
  }
  sweep(now: number): void {
    throw new Error(`not yet ${now}`);
  }
  probesDue(now: number): LaneKey[] {
    throw new Error(`not yet ${now}`);
  }
  nextReadyAt(now: number): number | null {
    throw new Error(`not yet ${now}`);
  }
  drain(webhookId: string): Job[] {
    throw new Error(`not yet ${webhookId}`);
  }
  openBreaker(lane: LaneKey, now: number): void {
    throw new Error(`not yet ${String([lane, now])}`);
  }
}

import assert from 'node:assert/strict';
import { Dispatcher, type Slot } from './dispatcher.ts';
import type { JobKind, Outcome, Released } from './offer.ts';
import { DEFAULT_DISPATCHER_OPTIONS, type DispatcherOptions } from './options.ts';

/** A dispatcher on a simulated clock, for tests. Its jobs are named `webhook:number`. */
export class Bench {
  readonly dispatcher: Dispatcher<string>;
  now = 1_000_000;
  #count = 0;

  constructor(change: Partial<DispatcherOptions> = {}) {
    this.dispatcher = new Dispatcher({ ...DEFAULT_DISPATCHER_OPTIONS, ...change });
  }

  offer(
    webhookId: string,
    more: { kind?: JobKind; orderKey?: string; rateLimit?: number; organizationKey?: number; job?: string; url?: string } = {},
  ): string {
    this.#count += 1;
    const { url } = more;
    const { kind = 'fresh', orderKey = null, rateLimit = null, organizationKey = 1, job = `${webhookId}:${this.#count}` } = more;
    return this.dispatcher.offer({ organizationKey, webhookId, rateLimit, ...(url === undefined ? {} : { url }) }, job, { kind, orderKey });
  }

  offerMany(webhookId: string, count: number, more: Parameters<Bench['offer']>[1] = {}): void {
    for (let i = 0; i < count; i += 1) assert.equal(this.offer(webhookId, more), 'queued');
  }

  take(): Slot<string> | null {
    return this.dispatcher.take(this.now)?.slot ?? null;
  }

  takeAll(): Slot<string>[] {
    const slots: Slot<string>[] = [];
    for (let slot = this.take(); slot !== null; slot = this.take()) slots.push(slot);
    return slots;
  }

  release(slot: Slot<string> | null, outcome: Partial<Outcome> = {}): Released<string> {
    if (slot === null) throw new Error('nothing was taken');
    return this.dispatcher.release(slot, { kind: 'success', durationMs: 5, final: true, retryAfterMs: null, ...outcome }, this.now);
  }

  /** Fails enough jobs of a webhook to open its breaker. */
  openBreaker(webhookId: string): void {
    for (let i = 0; i < 10; i += 1) {
      this.offer(webhookId);
      this.release(this.take(), { kind: 'failure' });
    }
    assert.equal(this.offer(webhookId), 'open');
  }
}

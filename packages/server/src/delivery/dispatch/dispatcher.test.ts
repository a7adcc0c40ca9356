import { describe, expect, it } from 'vitest';
import type { Slot } from './dispatcher.ts';
import { DEFAULT_DISPATCHER_OPTIONS, type DispatcherOptions } from './options.ts';
import { Bench } from './simulated-dispatcher.ts';

function webhookOf(slot: Slot<string>): string {
  return slot.job.split(':')[0] ?? '';
}

function countBy(slots: readonly Slot<string>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const slot of slots) counts[webhookOf(slot)] = (counts[webhookOf(slot)] ?? 0) + 1;
  return counts;
}

describe('queues', () => {
  it('returns offered jobs in order', () => {
    const bench = new Bench();
    bench.offerMany('a', 3);
    expect(bench.dispatcher.queued).toBe(3);
    expect(bench.takeAll().map((slot) => slot.job)).toEqual(['a:1', 'a:2', 'a:3']);
    expect([bench.dispatcher.queued, bench.dispatcher.inFlight]).toEqual([0, 3]);
  });

  it('refuses jobs that do not fit into a webhook’s queue', () => {
    const bench = new Bench({ queuePerWebhook: 2 });
    expect(bench.dispatcher.hasRoom('a')).toBe(true);
    bench.offerMany('a', 2);
    expect(bench.offer('a')).toBe('full');
    expect(bench.dispatcher.hasRoom('a')).toBe(false);
    expect(bench.offer('b')).toBe('queued');
  });

  it('refuses the largest queues first when too much is queued in total, and all jobs at twice that', () => {
    const bench = new Bench({ queuePerWebhook: 100, queueTotal: 100, organizationShare: 1 });
    bench.offerMany('greedy', 90);
    bench.offerMany('modest', 10);
    expect(bench.offer('greedy')).toBe('full');
    expect(bench.offer('modest')).toBe('queued');
    expect(bench.offer('other')).toBe('queued');
    for (let i = 0; i < 1000; i += 1) bench.offer(`w${i}`);
    expect(bench.dispatcher.queued).toBe(200);
    expect(bench.offer('latest')).toBe('full');
    expect(bench.dispatcher.hasRoom('unknown')).toBe(false);
  });

  it('does not let one organization fill all queues, however many webhooks it has', () => {
    const bench = new Bench({ queuePerWebhook: 100, queueTotal: 100, organizationShare: 0.25 });
    for (let i = 0; i < 1000; i += 1) bench.offer(`w${i}`);
    expect(bench.dispatcher.queued).toBe(50);
    expect(bench.offer('one more')).toBe('full');
    bench.offerMany('of another', 20, { organizationKey: 2 });
  });

  it('limits how much one organization adds to the pressure', () => {
    const bench = new Bench();
    bench.offerMany('a', 3_000);
    expect([bench.dispatcher.pressure, bench.dispatcher.responsiveOf(1), bench.dispatcher.responsiveOf(2)]).toEqual([250, 3_000, 0]);
    for (let key = 2; key < 10; key += 1) bench.offerMany(`w${key}`, 20, { organizationKey: key });
    expect(bench.dispatcher.pressure).toBe(250 + 8 * 20);
    expect(bench.dispatcher.drain('a')).toHaveLength(3_000);
    expect(bench.dispatcher.pressure).toBe(8 * 20);
  });

  it('refuses a second release of the same slot', () => {
    const bench = new Bench();
    bench.offer('a');
    const slot = bench.take();
    bench.release(slot);
    expect(() => bench.release(slot)).toThrow('released before');
  });

  it('forgets idle webhooks above the limit', () => {
    const bench = new Bench({ rememberedLanes: 3 });
    for (let i = 0; i < 10; i += 1) {
      bench.offer(`w${i}`);
      bench.release(bench.take());
    }
    expect(bench.dispatcher.lanes).toBe(3);
  });

  it('drains a webhook, accepts the release of its jobs in flight, and forgets it', () => {
    const bench = new Bench({ windowStart: 1 });
    bench.offerMany('a', 3);
    const slot = bench.take();
    expect(bench.dispatcher.drain('a')).toEqual(['a:2', 'a:3']);
    expect(bench.dispatcher.drain('unknown')).toEqual([]);
    expect(bench.dispatcher.queued).toBe(0);
    bench.release(slot);
    expect(bench.dispatcher.lanes).toBe(0);
  });

  it('keeps no trace of an abandoned job', () => {
    const bench = new Bench({ windowStart: 1 });
    bench.offer('a', { orderKey: 'k' });
    bench.offer('a', { orderKey: 'k' });
    const slot = bench.take();
    expect(bench.take()).toBeNull();
    if (slot !== null) bench.dispatcher.abandon(slot, bench.now);
    expect(bench.dispatcher.inFlight).toBe(0);
    expect(bench.take()?.job).toBe('a:2');
  });
});

describe('turns', () => {
  it('go round robin over organizations, then over each one’s webhooks', () => {
    const bench = new Bench();
    for (const webhook of ['a1', 'a2', 'a3']) bench.offerMany(webhook, 2, { organizationKey: 1 });
    bench.offerMany('b1', 4, { organizationKey: 2 });
    const order = bench.takeAll().map(webhookOf);
    expect(order).toEqual(['a1', 'b1', 'a2', 'b1', 'a3', 'b1', 'a1', 'b1', 'a2', 'a3']);
  });

  it('go to fresh work before retries, of other webhooks too', () => {
    const bench = new Bench({ retryEvery: 1000 });
    bench.offerMany('a', 3, { kind: 'retry' });
    bench.offerMany('b', 3);
    expect(bench.takeAll().map(webhookOf)).toEqual(['b', 'b', 'b', 'a', 'a', 'a']);
  });

  it('go to a retry regularly, however much fresh work there is', () => {
    const bench = new Bench({ windowStart: 128, retryEvery: 8 });
    bench.offerMany('a', 100, { organizationKey: 1 });
    bench.offerMany('a', 100, { organizationKey: 1, kind: 'retry', job: 'a-retry:0' });
    bench.offerMany('b', 100, { organizationKey: 2, kind: 'retry' });
    const first = Array.from({ length: 80 }, () => bench.take()).filter((slot) => slot !== null);
    expect(countBy(first)).toEqual({ a: 62, 'a-retry': 8, b: 10 });
  });

  it('let one webhook alone have its whole window', () => {
    const bench = new Bench({ fastSlots: 100, windowMax: 64 });
    bench.offerMany('a', 1000);
    for (let round = 0; round < 10; round += 1) for (const slot of bench.takeAll()) bench.release(slot);
    expect(bench.takeAll()).toHaveLength(64);
  });

  it('keep a webhook at 10% and an organization at 25% of the slots while others wait', () => {
    const bench = new Bench({ fastSlots: 100, windowStart: 64, windowMax: 64 });
    for (let i = 0; i < 4; i += 1) bench.offerMany(`a${i}`, 100, { organizationKey: 1 });
    for (let organizationKey = 2; organizationKey <= 5; organizationKey += 1)
      bench.offerMany(`b${organizationKey}`, 100, { organizationKey });
    const counts = countBy(Array.from({ length: 65 }, () => bench.take()).filter((slot) => slot !== null));
    expect(counts).toEqual({ a0: 7, a1: 6, a2: 6, a3: 6, b2: 10, b3: 10, b4: 10, b5: 10 });
    // No webhook is below the caps, so the remaining slots go round robin.
    expect(bench.takeAll()).toHaveLength(35);
  });

  it('give a new webhook the next free slot, before those above their share', () => {
    const bench = new Bench({ fastSlots: 20, windowStart: 64, windowMax: 64 });
    bench.offerMany('greedy', 100, { organizationKey: 1 });
    const [first] = bench.takeAll();
    bench.offer('newcomer', { organizationKey: 2 });
    bench.release(first ?? null);
    expect(bench.takeAll().map(webhookOf)).toEqual(['newcomer']);
  });
});

describe('windows', () => {
  it('halve on overload down to one, and do not change on other failures', () => {
    const bench = new Bench({ windowStart: 8, breaker: { ...DEFAULT_DISPATCHER_OPTIONS.breaker, failures: 1000 } });
    const sizes: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      bench.offerMany('a', 20);
      const slots = bench.takeAll();
      sizes.push(slots.length);
      bench.now += 100;
      for (const slot of slots) bench.release(slot, { kind: round === 0 ? 'failure' : 'overload' });
    }
    expect(sizes).toEqual([8, 8, 4, 2, 1]);
  });
});

describe('rate limits', () => {
  it('start the limit per second, and tell when the next job may start', () => {
    const bench = new Bench();
    bench.offerMany('a', 40, { rateLimit: 5 });
    const started: number[] = [];
    const from = bench.now;
    while (bench.dispatcher.queued > 0) {
      for (const slot of bench.takeAll()) {
        started.push(bench.now - from);
        bench.release(slot);
      }
      bench.now = bench.dispatcher.nextReadyAt(bench.now) ?? bench.now;
    }
    expect(started).toEqual(Array.from({ length: 40 }, (_, index) => index * 200));
    expect(bench.dispatcher.nextReadyAt(bench.now)).toBeNull();
  });

  it('do not delay other webhooks', () => {
    const bench = new Bench();
    bench.offerMany('limited', 10, { rateLimit: 1 });
    bench.offerMany('free', 5);
    expect(countBy(bench.takeAll())).toEqual({ limited: 1, free: 5 });
    expect(bench.dispatcher.runnable).toBe(0);
  });

  it('follow the latest setting', () => {
    const bench = new Bench();
    bench.offerMany('a', 4, { rateLimit: 0.001 });
    expect(bench.takeAll()).toHaveLength(1);
    bench.offer('a');
    expect(bench.takeAll()).toHaveLength(4);
  });
});

describe('slow webhooks', () => {
  const small: Partial<DispatcherOptions> = { fastSlots: 10, slowSlots: 10, windowStart: 10, windowMax: 10 };

  it('that hang leave the fast slots to others after slowAfterMs', () => {
    const bench = new Bench(small);
    bench.offerMany('hanging', 20);
    expect(bench.takeAll()).toHaveLength(10);
    bench.offerMany('healthy', 5, { organizationKey: 2 });
    expect(bench.takeAll()).toHaveLength(0);
    bench.now += 1000;
    bench.dispatcher.sweep(bench.now);
    expect(bench.takeAll()).toHaveLength(0);
    bench.now += 1;
    bench.dispatcher.sweep(bench.now);
    expect([bench.dispatcher.inFlight, bench.dispatcher.slowInFlight]).toEqual([10, 10]);
    expect(countBy(bench.takeAll())).toEqual({ healthy: 5 });
  });

  it('do not block others even if none of their exchanges ever ends', () => {
    const bench = new Bench({ fastSlots: 50, slowSlots: 50, windowStart: 8 });
    for (let i = 0; i < 10; i += 1) bench.offerMany(`hanging${i}`, 100, { organizationKey: i });
    let delivered = 0;
    for (let second = 0; second < 20; second += 1) {
      for (let i = 0; i < 10; i += 1) bench.offerMany(`healthy${i}`, 10, { organizationKey: 100 + i });
      for (let step = 0; step < 10; step += 1) {
        for (const slot of bench.takeAll()) {
          if (!slot.job.startsWith('healthy')) continue;
          bench.release(slot);
          delivered += 1;
        }
        bench.now += 101;
        bench.dispatcher.sweep(bench.now);
      }
    }
    expect(delivered).toBe(20 * 10 * 10);
    expect(bench.dispatcher.inFlight).toBeLessThanOrEqual(50 + 50 + 50);
  });

  it('get the slots of the slow pool, and fast ones again when they have recovered', () => {
    const bench = new Bench(small);
    bench.offer('a');
    bench.release(bench.take(), { durationMs: 3000 });
    bench.offerMany('a', 20);
    expect(bench.dispatcher.runnable).toBe(0);
    const slots = bench.takeAll();
    expect(bench.dispatcher.slowInFlight).toBe(slots.length);
    // Above its share of the pool, it must leave a quarter free for others.
    expect(slots).toHaveLength(8);
    for (const slot of slots) bench.release(slot);
    expect(bench.dispatcher.runnable).toBeGreaterThan(0);
    expect(bench.takeAll().length).toBeGreaterThan(0);
    expect(bench.dispatcher.slowInFlight).toBe(0);
  });
});

describe('order keys', () => {
  it('have one job in flight each, and do not block each other', () => {
    const bench = new Bench();
    for (const job of ['x:1', 'x:2', 'y:1', 'x:3', 'y:2']) bench.offer('a', { job, orderKey: job.slice(0, 1) });
    const [x1, y1] = bench.takeAll();
    expect([x1?.job, y1?.job]).toEqual(['x:1', 'y:1']);
    bench.release(x1 ?? null);
    expect(bench.takeAll().map((slot) => slot.job)).toEqual(['x:2']);
  });

  it('are separate for each webhook', () => {
    const bench = new Bench();
    bench.offer('a', { orderKey: 'x' });
    bench.offer('b', { orderKey: 'x' });
    expect(bench.takeAll()).toHaveLength(2);
  });

  it('continue after a delivery that finally failed', () => {
    const bench = new Bench();
    bench.offer('a', { orderKey: 'x' });
    bench.offer('a', { orderKey: 'x' });
    expect(bench.release(bench.take(), { kind: 'failure', final: true }).evicted).toEqual([]);
    expect(bench.take()?.job).toBe('a:2');
  });

  it('evict the jobs behind one that waits for its retry', () => {
    const bench = new Bench();
    for (const job of ['x:1', 'x:2', 'y:1', 'x:3', 'y:2']) bench.offer('a', { job, orderKey: job.slice(0, 1) });
    const [x1, y1] = bench.takeAll();
    expect(bench.release(x1 ?? null, { kind: 'failure', final: false }).evicted).toEqual(['x:2', 'x:3']);
    expect(bench.dispatcher.queued).toBe(1);
    bench.release(y1 ?? null);
    expect(bench.take()?.job).toBe('y:2');
  });
});

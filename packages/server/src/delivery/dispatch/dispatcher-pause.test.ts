import { describe, expect, it } from 'vitest';
import { Bench } from './simulated-dispatcher.ts';

describe('an endpoint that asks to be left alone', () => {
  it('gets no job of its webhook during the pause, and then the queued ones', () => {
    const bench = new Bench();
    bench.offerMany('a', 20);
    const slots = bench.takeAll();
    expect(slots).toHaveLength(8);
    expect(bench.release(slots.pop() ?? null, { kind: 'overload', retryAfterMs: 4000, final: false }).evicted).toEqual([]);
    for (const slot of slots) bench.release(slot);
    bench.offerMany('a', 5);
    expect(bench.take()).toBeNull();
    expect(bench.dispatcher.nextReadyAt(bench.now)).toBe(bench.now + 4000);
    bench.now += 3999;
    expect(bench.take()).toBeNull();
    bench.now += 1;
    expect(bench.take()?.job).toBe('a:9');
  });

  it('stays paused however its other exchanges end, and whatever is offered or drained meanwhile', () => {
    const bench = new Bench();
    bench.offerMany('a', 8);
    const [first, second, third, ...others] = bench.takeAll();
    bench.release(first ?? null, { kind: 'overload', retryAfterMs: 4000 });
    bench.release(second ?? null, { kind: 'success' });
    bench.release(third ?? null, { kind: 'overload', retryAfterMs: 1000 });
    for (const slot of others) bench.release(slot);
    bench.dispatcher.drain('a');
    bench.offer('a', { job: 'later' });
    bench.now += 3999;
    expect(bench.take()).toBeNull();
    bench.now += 1;
    expect(bench.take()?.job).toBe('later');
  });

  it('does not pause other webhooks, of its organization or of others', () => {
    const bench = new Bench();
    bench.offer('a');
    bench.release(bench.take(), { kind: 'overload', retryAfterMs: 4000 });
    bench.offer('a');
    bench.offer('b');
    bench.offer('c', { organizationKey: 2 });
    expect(bench.takeAll().map(({ job }) => job)).toEqual(['b:3', 'c:4']);
  });

  it('takes no room from others: retries stay in the database, and the backlog is not loaded', () => {
    const bench = new Bench();
    bench.offer('a');
    bench.release(bench.take(), { kind: 'overload', retryAfterMs: 4000 });
    expect(bench.offer('a', { kind: 'retry' })).toBe('full');
    expect(bench.dispatcher.hasRoom('a')).toBe(false);
    bench.now += 4000;
    bench.take();
    expect(bench.offer('a', { kind: 'retry' })).toBe('queued');
  });

  it('fresh jobs wait in its queue until that is full', () => {
    const bench = new Bench({ queuePerWebhook: 3 });
    bench.offer('a');
    bench.release(bench.take(), { kind: 'overload', retryAfterMs: 4000 });
    bench.offerMany('a', 3);
    expect(bench.offer('a')).toBe('full');
  });

  it('for a long time, has its queue spilled and gets a single job at the end', () => {
    const bench = new Bench();
    bench.offerMany('a', 3);
    const slot = bench.take();
    expect(bench.release(slot, { kind: 'overload', retryAfterMs: 3_600_000, final: false }).evicted).toEqual(['a:2', 'a:3']);
    expect(bench.offer('a')).toBe('open');
    expect(bench.dispatcher.queued).toBe(0);
    bench.dispatcher.hastenProbe('a');
    bench.now += 3_599_999;
    expect(bench.dispatcher.admitsProbe('a', 'fresh', bench.now)).toBe(false);
    expect(bench.dispatcher.probesDue(bench.now)).toEqual([]);
    bench.now += 1;
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
    expect(bench.take()).toBeNull();
    expect(bench.offer('a', { kind: 'probe' })).toBe('queued');
    expect(bench.release(bench.take())).toEqual({ evicted: [], recovered: true });
  });

  it('for a long time, and again when it is tried, is paused again', () => {
    const bench = new Bench();
    bench.offer('a');
    bench.release(bench.take(), { kind: 'overload', retryAfterMs: 60_000 });
    bench.now += 60_000;
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
    bench.take();
    bench.offer('a', { kind: 'probe' });
    bench.release(bench.take(), { kind: 'overload', retryAfterMs: 60_000, final: false });
    bench.dispatcher.hastenProbe('a');
    bench.now += 59_999;
    expect(bench.dispatcher.probesDue(bench.now)).toEqual([]);
    bench.now += 1;
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
  });

  it('is forgotten when the pause has passed and it is idle', () => {
    const bench = new Bench({ rememberedLanes: 0 });
    bench.offer('a');
    bench.release(bench.take(), { kind: 'overload', retryAfterMs: 4000 });
    expect(bench.dispatcher.lanes).toBe(1);
    bench.now += 4000;
    bench.take();
    expect(bench.dispatcher.lanes).toBe(0);
  });
});

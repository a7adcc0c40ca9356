import { describe, expect, it } from 'vitest';
import { Bench } from './simulated-dispatcher.ts';

describe('the breaker', () => {
  it('opens after ten failures in a row, and evicts queued jobs', () => {
    const bench = new Bench({ windowStart: 10 });
    bench.offerMany('a', 13);
    const slots = bench.takeAll();
    const evicted = slots.map((slot) => bench.release(slot, { kind: 'failure', final: false }).evicted);
    expect(evicted.slice(0, 9).flat()).toEqual([]);
    expect(evicted[9]).toEqual(['a:11', 'a:12', 'a:13']);
    expect(bench.offer('a')).toBe('open');
    expect(bench.dispatcher.hasRoom('a')).toBe(false);
    expect(bench.dispatcher.queued).toBe(0);
  });

  it('stays closed under an hourly retry plan, and after a success in between', () => {
    const bench = new Bench();
    for (let i = 0; i < 30; i += 1) {
      expect(bench.offer('hourly', { kind: 'retry' })).toBe('queued');
      bench.release(bench.take(), { kind: 'failure' });
      bench.now += 3_600_000;
    }
    for (let i = 0; i < 30; i += 1) {
      expect(bench.offer('now and then')).toBe('queued');
      bench.release(bench.take(), { kind: i % 9 === 8 ? 'success' : 'failure' });
    }
  });

  it('requests one probe after 1 s, then after twice the time, and closes on success', () => {
    const bench = new Bench();
    bench.openBreaker('a');
    const opened = bench.now;
    const waits: number[] = [];
    for (let failedProbes = 0; failedProbes < 11; failedProbes += 1) {
      const at = bench.dispatcher.nextReadyAt(bench.now) ?? Number.NaN;
      waits.push((at - bench.now) / 1000);
      bench.now = at - 1;
      expect(bench.dispatcher.probesDue(bench.now)).toEqual([]);
      bench.now = at;
      expect(bench.dispatcher.probesDue(bench.now)).toEqual([{ organizationKey: 1, webhookId: 'a' }]);
      expect(bench.dispatcher.probesDue(bench.now)).toEqual([]);
      expect(bench.offer('a', { kind: 'probe' })).toBe('queued');
      expect(bench.offer('a', { kind: 'probe' })).toBe('open');
      expect(bench.release(bench.take(), { kind: 'failure', final: false }).recovered).toBe(false);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    expect(bench.now).toBeGreaterThan(opened);
    bench.now = bench.dispatcher.nextReadyAt(bench.now) ?? bench.now;
    bench.dispatcher.probesDue(bench.now);
    bench.offer('a', { kind: 'probe' });
    expect(bench.release(bench.take())).toEqual({ evicted: [], recovered: true });
    expect(bench.dispatcher.nextReadyAt(bench.now)).toBeNull();
    bench.offerMany('a', 5);
    expect(bench.takeAll()).toHaveLength(1);
  });

  it('requests another probe if none was offered, or if it was not sent', () => {
    const bench = new Bench();
    bench.openBreaker('a');
    bench.now += 1000;
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
    bench.now += 10_000;
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
    bench.offer('a', { kind: 'probe' });
    const slot = bench.take();
    expect(bench.dispatcher.nextReadyAt(bench.now)).toBeNull();
    if (slot !== null) bench.dispatcher.abandon(slot, bench.now);
    bench.now += 1000;
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
  });

  it('closes when an exchange that began before succeeds', () => {
    const bench = new Bench({ windowStart: 11 });
    bench.offerMany('a', 11);
    const [late, ...others] = bench.takeAll();
    for (const slot of others) bench.release(slot, { kind: 'failure' });
    expect(bench.offer('a')).toBe('open');
    expect(bench.release(late ?? null).recovered).toBe(true);
    expect(bench.offer('a')).toBe('queued');
  });

  it('is open after a restart if the caller opens it', () => {
    const bench = new Bench();
    bench.dispatcher.openBreaker({ organizationKey: 1, webhookId: 'a' }, bench.now);
    expect(bench.offer('a')).toBe('open');
    expect(bench.dispatcher.nextReadyAt(bench.now)).toBe(bench.now + 1000);
    bench.dispatcher.drain('a');
    expect(bench.dispatcher.lanes).toBe(0);
    expect(bench.dispatcher.nextReadyAt(bench.now)).toBeNull();
    expect(bench.offer('a')).toBe('queued');
  });
});

describe('the breaker of a webhook that is being tried already', () => {
  it('is not opened from outside, so that no queued job is stuck behind it', () => {
    const bench = new Bench();
    bench.offer('a', { orderKey: 'x' });
    bench.dispatcher.openBreaker({ organizationKey: 1, webhookId: 'a' }, bench.now);
    expect(bench.take()?.job).toBe('a:1');
  });
});

import { describe, expect, it } from 'vitest';
import { Bench } from './simulated-dispatcher.ts';

const OLD = 'https://old.example/hook';
const NEW = 'https://new.example/hook';

/** A webhook at the old URL whose endpoint asked for a short or long pause. */
function paused(retryAfterMs: number): Bench {
  const bench = new Bench();
  bench.offer('a', { url: OLD });
  bench.release(bench.take(), { kind: 'overload', retryAfterMs });
  return bench;
}

describe('a webhook that moves to another origin', () => {
  it('starts jobs that waited for the old endpoint', () => {
    const bench = paused(4_000);
    bench.offerMany('a', 2, { url: OLD });
    expect(bench.take()).toBeNull();
    bench.dispatcher.moved('a', NEW);
    expect(bench.takeAll().map(({ job }) => job)).toEqual(['a:2']);
    expect(bench.dispatcher.hasRoom('a')).toBe(true);
  });

  it('has no open breaker, and its window starts small', () => {
    const bench = paused(3_600_000);
    expect(bench.offer('a', { url: OLD })).toBe('open');
    bench.offerMany('a', 3, { url: NEW });
    expect(bench.takeAll()).toHaveLength(1);
    expect(bench.dispatcher.probesDue(bench.now + 3_600_000)).toEqual([]);
  });

  it('learns nothing from exchanges with the old endpoint that end later, and keeps their order', () => {
    const bench = new Bench();
    bench.offerMany('a', 8, { url: OLD });
    bench.offer('a', { url: OLD, orderKey: 'k', job: 'first' });
    const slots = bench.takeAll();
    bench.dispatcher.moved('a', NEW);
    bench.offer('a', { url: NEW, orderKey: 'k', job: 'second' });
    for (const slot of slots) bench.release(slot, { kind: 'overload', retryAfterMs: 3_600_000 });
    expect(bench.offer('a', { url: NEW })).toBe('queued');
    const jobs: string[] = [];
    for (let slot = bench.take(); slot !== null; slot = bench.take()) {
      jobs.push(slot.job);
      bench.release(slot);
    }
    expect(jobs).toEqual(['first', 'second', 'a:11']);
  });

  it('sends the probe of the old endpoint like any other job', () => {
    const bench = paused(3_600_000);
    expect(bench.offer('a', { url: OLD })).toBe('open');
    bench.now += 3_600_000;
    expect(bench.take()).toBeNull();
    expect(bench.dispatcher.probesDue(bench.now)).toHaveLength(1);
    expect(bench.offer('a', { url: OLD, kind: 'probe', job: 'probe' })).toBe('queued');
    bench.dispatcher.moved('a', NEW);
    bench.offer('a', { url: NEW, job: 'next' });
    const slot = bench.take();
    expect(slot?.job).toBe('probe');
    bench.release(slot);
    expect(bench.takeAll().map(({ job }) => job)).toEqual(['next']);
    expect(bench.dispatcher.queued).toBe(0);
  });

  it('is the same webhook if only the path changes', () => {
    const bench = paused(4_000);
    bench.dispatcher.moved('a', 'https://OLD.example:443/other');
    bench.offer('a', { url: 'https://old.example/third' });
    expect(bench.take()).toBeNull();
  });
});

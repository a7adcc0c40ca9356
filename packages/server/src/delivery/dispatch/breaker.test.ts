import { describe, expect, it } from 'vitest';
import { Breaker } from './breaker.ts';

const OPTIONS = { failures: 10, withinMs: 60_000, firstProbeMs: 1000, maxProbeMs: 300_000, freshProbeMs: 4500 };

function opensAfter(breaker: Breaker, stepMs: number, limit = 100): number | null {
  for (let count = 1; count <= limit; count += 1) if (breaker.failed(count * stepMs)) return count;
  return null;
}

describe('Breaker', () => {
  it('opens at the tenth failure in a row within a minute', () => {
    expect(opensAfter(new Breaker(OPTIONS), 100)).toBe(10);
    expect(opensAfter(new Breaker(OPTIONS), 6000)).toBe(10);
  });

  it('stays closed when failures are far apart, as in an hourly retry plan', () => {
    expect(opensAfter(new Breaker(OPTIONS), 3_600_000)).toBeNull();
    expect(opensAfter(new Breaker(OPTIONS), 7000)).toBeNull();
  });

  it('considers only the last ten failures', () => {
    const breaker = new Breaker(OPTIONS);
    for (let i = 0; i < 9; i += 1) breaker.failed(i);
    for (let i = 0; i < 9; i += 1) expect(breaker.failed(70_000 + i)).toBe(false);
    expect(breaker.failed(70_010)).toBe(true);
  });

  it('schedules probes after 1 s, 2 s, 4 s … 5 min', () => {
    const breaker = new Breaker(OPTIONS);
    breaker.open(0);
    let now = 0;
    const waits: number[] = [];
    for (let i = 0; i < 11; i += 1) {
      const at = breaker.probeAt ?? Number.NaN;
      waits.push((at - now) / 1000);
      now = at;
      breaker.probeQueued();
      expect(breaker.probeAt).toBe(Number.POSITIVE_INFINITY);
      breaker.probeFailed(now);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });

  it('requests another probe if none was offered', () => {
    const breaker = new Breaker(OPTIONS);
    breaker.open(0);
    breaker.asked(1000);
    expect(breaker.probeAt).toBe(11_000);
  });

  it('lets a fresh job be the probe 4.5 s after the last try, however far the backoff has grown', () => {
    const breaker = new Breaker(OPTIONS);
    breaker.open(0);
    expect([breaker.admits('fresh', 999), breaker.admits('fresh', 1000)]).toEqual([false, true]);
    let now = 0;
    for (let i = 0; i < 11; i += 1) breaker.probeFailed((now += 10_000));
    expect([breaker.admits('fresh', now + 4499), breaker.admits('fresh', now + 4500)]).toEqual([false, true]);
    expect(breaker.probeAt).toBe(now + 300_000);
    breaker.hasten();
    expect(breaker.probeAt).toBe(now + 4500);
    breaker.probeQueued();
    expect(breaker.admits('fresh', now + 10_000)).toBe(false);
  });

  it('lets a retry be the probe only if a probe was requested and none was offered', () => {
    const breaker = new Breaker(OPTIONS);
    breaker.open(0);
    expect(breaker.admits('retry', 50_000)).toBe(false);
    breaker.asked(50_000);
    expect(breaker.admits('retry', 50_000)).toBe(true);
    breaker.probeQueued();
    breaker.probeFailed(60_000);
    expect(breaker.admits('retry', 60_000)).toBe(false);
  });

  it('schedules no probe before the time that the endpoint asked for', () => {
    const breaker = new Breaker(OPTIONS);
    breaker.delayUntil(60_000);
    breaker.open(0);
    expect(breaker.probeAt).toBe(60_000);
    breaker.hasten();
    expect(breaker.probeAt).toBe(60_000);
    expect(breaker.admits('fresh', 59_999)).toBe(false);
    breaker.probeFailed(10_000);
    expect(breaker.probeAt).toBe(60_000);
  });
});

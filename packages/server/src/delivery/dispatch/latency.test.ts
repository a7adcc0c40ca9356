import { describe, expect, it } from 'vitest';
import { Latency } from './latency.ts';

function observed(...durations: number[]): Latency {
  const latency = new Latency(1000);
  for (const duration of durations) latency.observe(duration);
  return latency;
}

describe('Latency', () => {
  it('is not slow before anything is known', () => {
    expect(observed().isSlow).toBe(false);
  });

  it('is slow if the first response is', () => {
    expect(observed(1500).isSlow).toBe(true);
  });

  it('ignores one very slow response among fast ones', () => {
    expect(observed(10, 10, 30_000).isSlow).toBe(false);
    expect(observed(10, 10, 30_000, 30_000).isSlow).toBe(true);
  });

  it('is fast again within ten fast responses after a timeout', () => {
    expect(observed(30_000, ...Array<number>(10).fill(10)).isSlow).toBe(false);
  });

  it('does not oscillate around the limit', () => {
    const latency = observed(1010);
    for (let i = 0; i < 100; i += 1) {
      latency.observe(i % 2 === 0 ? 900 : 1050);
      expect(latency.isSlow).toBe(true);
    }
  });
});

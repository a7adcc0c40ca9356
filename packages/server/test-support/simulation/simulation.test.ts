import { describe, expect, test } from 'vitest';
import { simulate } from './simulation.ts';

/** A run takes a tenth of a second. `npm run simulate` makes as many runs as requested. */
const SEEDS = Number(process.env['POSTHORN_SIMULATION_SEEDS'] ?? 200);
const PER_TEST = 50;

describe('the engine, with nodes, clocks and a database that fail at random,', () => {
  const firsts = Array.from({ length: Math.ceil(SEEDS / PER_TEST) }, (_, index) => 1 + index * PER_TEST);
  test.each(firsts)('loses, repeats, reorders and forgets nothing (seeds from %i)', async (first) => {
    const failed: string[] = [];
    for (let seed = first; seed < Math.min(first + PER_TEST, SEEDS + 1); seed++) {
      const { violations } = await simulate(seed);
      const [worst] = violations;
      if (worst) failed.push(`npm run simulate -- --seed ${seed}   ${worst.invariant} at ${worst.elapsedMs} ms: ${worst.message}`);
    }
    expect(failed, 'Run one of these to see what happened.').toEqual([]);
  });

  test('does the same in every run of a seed', async () => {
    const traces: string[][] = [[], []];
    for (const lines of traces) await simulate(11, { trace: (line) => lines.push(line) });
    expect(traces[0]?.length).toBeGreaterThan(100);
    expect(traces[1]).toEqual(traces[0]);
  });
});

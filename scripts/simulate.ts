/**
 * Simulates the engine with faults, one run a seed. `npm run simulate -- --seeds 5000 --from 1` runs many and names those
 * that fail; `--seed 17` runs one and prints what happens in it.
 */
import { parseArgs } from 'node:util';
import { simulate, type SimulationResult } from '../packages/server/test-support/simulation/simulation.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' }, seed: { type: 'string' } },
});

if (values.seed === undefined) await runMany(Number(values.from), Number(values.seeds));
else await runOne(Number(values.seed));

async function runOne(seed: number): Promise<void> {
  const result = await simulate(seed, { trace: (line) => console.log(line) });
  report(result);
  process.exitCode = result.violations.length === 0 ? 0 : 1;
}

async function runMany(from: number, count: number): Promise<void> {
  const begun = performance.now();
  const totals = { failed: 0, emitted: 0, attempts: 0 };
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate(seed);
    totals.emitted += result.emitted;
    totals.attempts += result.attempts;
    if (result.violations.length === 0) continue;
    totals.failed++;
    report(result);
  }
  const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
  console.log(`${count} seeds in ${seconds} s: ${totals.emitted} events, ${totals.attempts} attempts, ${totals.failed} seeds failed`);
  process.exitCode = totals.failed === 0 ? 0 : 1;
}

function report({ seed, faults, violations, emitted, attempts, simulatedMs }: SimulationResult): void {
  const summary = `${emitted} events, ${attempts} attempts in ${(simulatedMs / 1_000).toFixed(0)} s, faults: ${faults.join(', ') || 'none'}`;
  console.log(`seed ${seed}: ${violations.length} violations (${summary})`);
  for (const { invariant, elapsedMs, message } of violations.slice(0, 3)) console.log(`  ${invariant} at ${elapsedMs} ms: ${message}`);
}

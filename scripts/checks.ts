import { runTool } from './run-tool.ts';

interface Check {
  readonly name: string;
  readonly tool: string;
  readonly args: readonly string[];
}

export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
  readonly durationMs: number;
  /** What the tool said; for people. */
  readonly output: string;
}

const CHECKS: readonly Check[] = [
  { name: 'types', tool: 'tsc', args: ['--noEmit', '--pretty', 'false'] },
  // Includes the layers and cycles: .oxlintrc.json says which folder may import which.
  { name: 'lint', tool: 'oxlint', args: ['--format', 'unix'] },
  { name: 'format', tool: 'oxfmt', args: ['--check'] },
  { name: 'unused', tool: 'knip', args: ['--no-progress'] },
];

/** Runs every static check, all at once. */
export function runChecks(): Promise<CheckResult[]> {
  return Promise.all(CHECKS.map(runCheck));
}

async function runCheck({ name, tool, args }: Check): Promise<CheckResult> {
  const begun = performance.now();
  const { exitCode, output } = await runTool(tool, args, { output: 'capture' });
  return { name, passed: exitCode === 0, durationMs: performance.now() - begun, output };
}

/** One line per check; what failed says why above its line. */
export function reportChecks(results: readonly CheckResult[]): string {
  return results.map(reportCheck).join('\n');
}

function reportCheck({ name, passed, durationMs, output }: CheckResult): string {
  const line = `${passed ? 'ok    ' : 'FAILED'} ${name} (${(durationMs / 1000).toFixed(1)} s)`;
  return passed ? line : `${output.trimEnd()}\n${line}`;
}

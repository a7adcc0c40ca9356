/** How many tests passed and failed. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** The part of vitest's JSON report that counts. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[];
}

const CRASHED: Tally = { passed: 0, failed: 1 };

/**
 * Counts a run of vitest. Whatever kept tests from running is a failure too: a file that could not be loaded,
 * an error outside of any test, a crash of the runner, and a run without a single test.
 */
export function tallyRun(run: { exitCode: number | null; report: string | null }): Tally {
  const report = parseReport(run.report);
  if (report === null) return CRASHED;
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + brokenFiles;
  const unexplained = failed === 0 && (run.exitCode !== 0 || passed === 0);
  return { passed, failed: unexplained ? 1 : failed };
}

export function addTallies(one: Tally, other: Tally): Tally {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed };
}

function parseReport(text: string | null): Report | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Report;
  } catch {
    return null;
  }
}

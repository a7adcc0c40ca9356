import { expect, test } from 'vitest';
import { tallyRun } from './tally.ts';

const passing = { status: 'passed', assertionResults: [{ status: 'passed' }] };
const failing = { status: 'failed', assertionResults: [{ status: 'passed' }, { status: 'failed' }] };
const unloadable = { status: 'failed', assertionResults: [] };

function report(numPassedTests: number, numFailedTests: number, testResults: unknown[]): string {
  return JSON.stringify({ numPassedTests, numFailedTests, testResults });
}

test('counts what passed and what failed', () => {
  expect(tallyRun({ exitCode: 1, report: report(2, 1, [passing, failing]) })).toEqual({ passed: 2, failed: 1 });
});

test('a file that cannot be loaded is a failure', () => {
  expect(tallyRun({ exitCode: 1, report: report(1, 0, [passing, unloadable]) })).toEqual({ passed: 1, failed: 1 });
});

test('an error outside of any test is a failure', () => {
  expect(tallyRun({ exitCode: 1, report: report(1, 0, [passing]) })).toEqual({ passed: 1, failed: 1 });
});

test('a run without tests is a failure', () => {
  expect(tallyRun({ exitCode: 0, report: report(0, 0, []) })).toEqual({ passed: 0, failed: 1 });
});

test('a runner that dies before it reports is a failure', () => {
  expect(tallyRun({ exitCode: null, report: null })).toEqual({ passed: 0, failed: 1 });
  expect(tallyRun({ exitCode: 1, report: '{"numPassed' })).toEqual({ passed: 0, failed: 1 });
});

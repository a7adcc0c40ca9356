import { reportChecks, runChecks } from './checks.ts';

const results = await runChecks();
console.log(reportChecks(results));
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;

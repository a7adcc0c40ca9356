/**
 * Sends generated requests to every operation of a real server: `npm run fuzz -- --runs 1000`, and `--seed 17` to repeat a failure.
 * The short form is part of `npm test`.
 */
import { parseArgs } from 'node:util';
import { runTool } from './run-tool.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '1000' }, seed: { type: 'string' } } });
process.env['FUZZ_RUNS'] = values.runs;
if (values.seed !== undefined) process.env['FUZZ_SEED'] = values.seed;
const { exitCode } = await runTool('vitest', ['run', 'e2e/api-fuzz.test.ts'], { output: 'show' });
process.exitCode = exitCode;

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { eventually } from '../packages/server/test-support/eventually.ts';
import { startServer } from './harness/server.ts';

const README = new URL('../README.md', import.meta.url);

/** The commands of the quickstart, in order, as a reader pastes them. */
async function quickstart(): Promise<string[]> {
  const text = await readFile(README, 'utf8');
  const section = text.slice(text.indexOf('## Quick start'), text.indexOf('## Documentation'));
  return [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, commands = '']) => commands);
}

test('the quickstart of the README works as pasted', async () => {
  await using server = await startServer();
  const answers: unknown[] = [];
  const [setUp = '', ...commands] = await quickstart();
  expect(setUp).toContain('.posthorn/root-key');
  for (const command of commands) {
    // The lists at the end show what has happened by then; a person takes longer to paste than it takes.
    const isList = /\/(requests|deliveries)/.test(command);
    answers.push(
      await eventually(async () => {
        const answer = await run(command.replaceAll('http://127.0.0.1:8030', server.url), { POSTHORN: server.url, KEY: server.rootKey });
        if (isList) expect(answer).toMatchObject({ data: [expect.anything()] });
        if (isList) expect(answer).not.toMatchObject({ data: [{ status: 'pending' }] });
        return answer;
      }),
    );
  }
  expect(answers).toMatchObject([
    { answer: { body: 'RevOps API Event Received' } },
    { id: 'pigeon-labs' },
    { secret: expect.stringMatching(/^whsec_/) },
    { deliveries: 1 },
    { data: [{ method: 'POST', body: expect.stringContaining('"type":"deal-signed"') }] },
    { data: [{ status: 'delivered' }] },
  ]);
});

async function run(command: string, variables: Record<string, string>): Promise<unknown> {
  const { stdout } = await promisify(execFile)('bash', ['-c', command], { env: { PATH: process.env['PATH'], ...variables } });
  return JSON.parse(stdout);
}

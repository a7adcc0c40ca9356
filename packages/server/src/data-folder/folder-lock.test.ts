import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockFolder, type LockHolder } from './folder-lock.ts';

const HOLDER: LockHolder = { pid: 4711, host: 'here', since: '2026-01-01T00:00:00.000Z' };
/** Locks the folder when it gets a line, prints the result, and stays alive. */
const PROCESS = `
  import { lockFolder } from ${JSON.stringify(new URL('folder-lock.ts', import.meta.url).href)};
  process.stdout.write('up ');
  process.stdin.once('data', () => {
    process.stdout.write(lockFolder(process.argv[1], { pid: process.pid, host: 'here', since: 'now' }).kind);
  });
`;

let folder: string;
const started: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-lock-'));
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
});

/** A process that waits for a line. */
async function startProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROCESS, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(child);
  child.stdout?.setEncoding('utf8');
  expect(await textFrom(child)).toBe('up ');
  return child;
}

async function textFrom(child: ChildProcess): Promise<unknown> {
  if (!child.stdout) throw new Error('The process has no output.');
  const [text] = await once(child.stdout, 'data');
  return text;
}

/** What `lockFolder` returned in that process. */
function lockIn(child: ChildProcess): Promise<unknown> {
  const answer = textFrom(child);
  child.stdin?.write('\n');
  return answer;
}

test('a locked folder is busy for other callers, which get its holder, until it is released', async () => {
  const lock = lockFolder(folder, HOLDER);
  expect(lockFolder(folder, { ...HOLDER, pid: 1 })).toEqual({ kind: 'busy', holder: HOLDER });
  expect(await lockIn(await startProcess())).toBe('busy');
  if (lock.kind === 'locked') lock.release();
  expect(await readdir(folder)).toEqual(['lock']);
  expect(lockFolder(folder, HOLDER).kind).toBe('locked');
});

test('of processes that lock at the same instant exactly one gets it', async () => {
  for (let round = 0; round < 3; round++) {
    const processes = await Promise.all(Array.from({ length: 5 }, startProcess));
    const kinds = await Promise.all(processes.map(lockIn));
    expect(kinds.filter((kind) => kind === 'locked')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'busy')).toHaveLength(4);
    for (const child of processes) child.kill('SIGKILL');
    await Promise.all(processes.map((child) => once(child, 'exit')));
  }
});

test('a lock ends with its process, whatever files the process left behind', async () => {
  const child = await startProcess();
  expect(await lockIn(child)).toBe('locked');
  child.kill('SIGKILL');
  await once(child, 'exit');
  // The process id of the dead process now belongs to a live one.
  await writeFile(join(folder, 'lock-holder.json'), JSON.stringify({ ...HOLDER, pid: process.pid }));
  expect(lockFolder(folder, HOLDER).kind).toBe('locked');
});

test('an unreadable holder name is null and prevents nothing', async () => {
  lockFolder(folder, HOLDER);
  for (const text of ['', '{"pid":', '[]', '{"pid":"1","host":"a","since":"b"}', 'null']) {
    await writeFile(join(folder, 'lock-holder.json'), text);
    expect(lockFolder(folder, HOLDER)).toEqual({ kind: 'busy', holder: null });
  }
});

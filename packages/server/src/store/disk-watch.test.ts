import { expect, test } from 'vitest';
import { FullDisk, folderProblem } from './disk-watch.ts';

const full = Object.assign(new Error('could not extend file'), { code: '53100' });

test('a full disk is reported until the failed statement succeeds', () => {
  const disk = new FullDisk(() => 0);
  expect(disk.problem()).toBeNull();
  disk.failed('append_events', new Error('Something else.'));
  expect(disk.problem()).toBeNull();
  disk.failed('append_events', full);
  disk.succeeded('alive');
  expect(disk.problem()).toBe('the disk of the database is full');
  disk.succeeded('append_events');
  expect(disk.problem()).toBeNull();
});

test('after ten seconds without another failure it is tried again', () => {
  const clock = { ms: 0 };
  const disk = new FullDisk(() => clock.ms);
  disk.failed('append_events', full);
  clock.ms = 9_999;
  expect(disk.problem()).not.toBeNull();
  clock.ms = 10_000;
  expect(disk.problem()).toBeNull();
});

test('a folder needs 32 MiB on its disk', async () => {
  const free = (mib: number) => async (): Promise<number> => mib * 1024 * 1024;
  expect(await folderProblem('.', free(32))).toBeNull();
  expect(await folderProblem('.', free(3.5))).toBe('the disk of the data folder is full: 3 MiB are free, 32 MiB are needed');
  expect(await folderProblem('.', () => Promise.reject(new Error('Not supported.')))).toBeNull();
  expect(await folderProblem('.')).toBeNull();
});

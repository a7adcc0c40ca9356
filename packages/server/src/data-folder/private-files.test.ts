import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeFolderPrivate, makePrivate } from './private-files.ts';

const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe.skipIf(process.platform === 'win32')('the rights of others', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'posthorn-private-'));
    await mkdir(join(folder, 'data', 'deep'), { recursive: true });
    await writeFile(join(folder, 'data', 'deep', 'file'), '');
    await writeFile(join(folder, 'outside'), '');
    await symlink(join(folder, 'outside'), join(folder, 'data', 'link'));
    for (const path of ['', 'data', 'data/deep']) await chmod(join(folder, path), 0o755);
    for (const path of ['data/deep/file', 'outside']) await chmod(join(folder, path), 0o644);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('are removed from a folder and its contents, without following links', async () => {
    expect(await makePrivate(join(folder, 'data'))).toEqual([]);
    expect(await Promise.all(['data', 'data/deep', 'data/deep/file', 'outside'].map((path) => mode(join(folder, path))))).toEqual([
      '700',
      '700',
      '600',
      '644',
    ]);
  });

  test('are removed from the folder only', async () => {
    expect(await makeFolderPrivate(folder)).toEqual([]);
    expect([await mode(folder), await mode(join(folder, 'data'))]).toEqual(['700', '755']);
  });

  test('of missing paths are ignored', async () => {
    expect(await makePrivate(join(folder, 'nothing'))).toEqual([]);
  });
});

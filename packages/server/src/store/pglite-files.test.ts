import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { statement } from './database.ts';
import { makeDatabaseFiles } from './pglite-files.ts';
import { openPglite } from './pglite.ts';

const WRITE = statement('test_write', 'CREATE TABLE kept AS SELECT 7 AS number');
const READ = statement('test_read', 'SELECT number FROM kept');

describe('the files of the embedded database', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'posthorn-files-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  test('are created once; written data is there after the next start', async () => {
    const folder = join(home, 'data', 'pglite');
    const first = await openPglite(folder);
    await first.query(WRITE);
    await first.close();
    const second = await openPglite(folder);
    expect(await second.query(READ)).toEqual([{ number: 7 }]);
    await second.close();
    expect(await readdir(join(home, 'data'))).toEqual(['pglite']);
  });

  test('are created in an empty folder, and after a start was killed half-way', async () => {
    const folder = join(home, 'pglite');
    await mkdir(folder);
    await mkdir(`${folder}.new`);
    await writeFile(join(`${folder}.new`, 'PG_VERSION'), 'half');
    await makeDatabaseFiles(folder);
    expect(await readFile(join(folder, 'PG_VERSION'), 'utf8')).toBe('18\n');
    expect(await readdir(home)).toEqual(['pglite']);
  });

  test('replace no existing files', async () => {
    await writeFile(join(home, 'mine.txt'), 'mine');
    await makeDatabaseFiles(home);
    expect(await readdir(home)).toEqual(['mine.txt']);
  });
});

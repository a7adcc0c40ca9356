import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeWholeFile } from './whole-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-whole-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a file is readable only by its owner, and replaces what a crash left', async () => {
  const path = join(folder, 'key');
  await writeFile(`${path}.partial`, 'half');
  await writeWholeFile(path, 'whole');
  expect(await readFile(path, 'utf8')).toBe('whole');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['key']);
});

test.skipIf(process.platform === 'win32').each([
  ['at once', 0],
  ['half-way', 1],
])('where the system refuses to write more, %s, nothing is left and nothing replaced', async (_when, kilobytes) => {
  const script = `
    import { writeWholeFile } from ${JSON.stringify(new URL('whole-file.ts', import.meta.url).href)};
    for (const name of ['old', 'fresh']) {
      const code = await writeWholeFile(process.argv[1] + '/' + name, 'x'.repeat(3000)).then(() => 'written', (error) => error.code);
      process.stdout.write(code + ' ');
    }
  `;
  await writeFile(join(folder, 'old'), 'old');
  // A limit on the size of files makes writes fail as a full disk does, after as many bytes as fit.
  const limited = `trap '' XFSZ; ulimit -f ${kilobytes}; exec "$0" --input-type=module -e "$1" "$2"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', limited, process.execPath, script, folder]);
  expect(stdout).toBe('EFBIG EFBIG ');
  expect(await readdir(folder)).toEqual(['old']);
  expect(await readFile(join(folder, 'old'), 'utf8')).toBe('old');
});

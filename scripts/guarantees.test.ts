import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const ROOT = new URL('../', import.meta.url);
const NAMED = /`([^`]+\.test\.ts)` "([^"]+)"/g;

test('every guarantee names a test that exists', async () => {
  const page = await readFile(new URL('docs/guarantees.md', ROOT), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| (?!guarantee|---)/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  const wrong: string[] = [];
  for (const row of rows) {
    const named = [...row.matchAll(NAMED)];
    if (named.length === 0) wrong.push(row);
    for (const [, file = '', part = ''] of named) {
      const source = await readFile(new URL(file, ROOT), 'utf8').catch(() => '');
      if (!source.includes(part)) wrong.push(`${file}: ${part}`);
    }
  }
  expect(wrong).toEqual([]);
});

import { access, glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from './run-tool.ts';

const LINK = /\]\((?!https?:|#)([^)#\s]+)/g;
const SETTING = /\b(?:POSTHORN_[A-Z_]*[A-Z]|DATABASE_URL)\b/g;

const pages = await Array.fromAsync(glob(['*.md', 'docs/*.md', 'packages/**/*.md'], { cwd: ROOT, exclude: ['**/node_modules/**'] }));

describe('links', () => {
  test.for(pages)('%s leads to files that exist', async (page) => {
    const text = await readFile(join(ROOT, page), 'utf8');
    const targets = [...text.matchAll(LINK)].map(([, target = '']) => join(ROOT, dirname(page), target));
    const missing = await Promise.all(
      targets.map((target) =>
        access(target).then(
          () => [],
          () => [target],
        ),
      ),
    );
    expect(missing.flat()).toEqual([]);
  });
});

test('docs/configuration.md has every setting that the server reads, and no other', async () => {
  const source = await readFile(join(ROOT, 'packages/server/src/config.ts'), 'utf8');
  const page = await readFile(join(ROOT, 'docs/configuration.md'), 'utf8');
  const rows = page.split('\n').flatMap((line) => /^\| `([A-Z_]+)`/.exec(line)?.[1] ?? []);
  expect(rows.toSorted()).toEqual([...new Set(source.match(SETTING))].toSorted());
});

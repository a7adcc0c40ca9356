import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { errorsDocument } from './errors-doc.ts';

test('docs/errors.md says of every error what the catalogue says: npm run docs:errors writes it', async () => {
  expect(await readFile(new URL('../docs/errors.md', import.meta.url), 'utf8')).toBe(errorsDocument());
});

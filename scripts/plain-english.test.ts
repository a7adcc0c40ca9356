import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { avoidedWords, longSentences, messageTexts, withoutCode } from './plain-english.ts';
import { ROOT } from './run-tool.ts';

const MAX_WORDS = 30;
const PAGES = ['*.md', 'docs/*.md', 'products/*/README.md', 'packages/**/*.md'];
/** Sources whose error messages, OpenAPI texts and log lines are checked. */
const SOURCES = ['packages/*/src/**/*.ts', 'products/*/*.ts'];
/** The glossary lists words to avoid. */
const LISTS_AVOIDED_WORDS = 'docs/glossary.md';

async function find(patterns: string[], exclude: string[]): Promise<string[]> {
  return Array.fromAsync(glob(patterns, { cwd: ROOT, exclude: ['**/node_modules/**', ...exclude] }));
}

const pages = await find(PAGES, []);
const sources = await find(SOURCES, ['**/*.test.ts']);

describe('documentation', () => {
  test.for(pages)('%s has no sentence with more than 30 words', async (page) => {
    expect(longSentences(await readFile(join(ROOT, page), 'utf8'), MAX_WORDS)).toEqual([]);
  });

  test.for(pages.filter((page) => page !== LISTS_AVOIDED_WORDS))('%s has no word that we avoid', async (page) => {
    expect(avoidedWords(withoutCode(await readFile(join(ROOT, page), 'utf8')))).toEqual([]);
  });
});

test('error messages, OpenAPI texts and log lines have no word that we avoid', async () => {
  const wrong = await Promise.all(
    sources.map(async (file) => {
      const texts = messageTexts(await readFile(join(ROOT, file), 'utf8'));
      return texts.filter((text) => avoidedWords(text).length > 0).map((text) => `${file}: ${text}`);
    }),
  );
  expect(wrong.flat()).toEqual([]);
});

describe('the check', () => {
  test('counts quoted code as one word, and skips code blocks and tables', () => {
    const page = 'One `two and three` four.\n\n```sh\na b c d e f g h\n```\n\n| a b c d e f g h |\n';
    expect(longSentences(page, 3)).toEqual([]);
    expect(longSentences(page, 2)).toEqual(['One `two and three` four.']);
  });

  test('ends a sentence at a full stop, a list item or an empty line', () => {
    expect(longSentences('One two. Three four\n\nfive six\n- seven\n- eight\n  nine ten', 2)).toEqual(['eight nine ten']);
  });

  test('finds the texts of messages, and avoided words in them', () => {
    const source = [
      `const schema = { summary: 'Start anew' };`,
      `throw new PosthornError('conflict', \`Whoever asks\`);`,
      `log.info({ id }, 'It goes on');`,
      `const other = 'anew';`,
    ].join('\n');
    expect(messageTexts(source)).toEqual(['Start anew', 'Whoever asks', 'It goes on']);
    expect(messageTexts(source).flatMap(avoidedWords)).toEqual(['anew', 'Whoever', 'goes on']);
  });
});

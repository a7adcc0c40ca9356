import { expect, test } from 'vitest';
import { KEPT_CHARACTERS, shownPayload } from './shown-payload.ts';

const KEY = 'in_0123456789abcdef';

function shown(text: string): string {
  return shownPayload(Buffer.from(text), KEY);
}

test.each([
  ['{"value":1,"password":"hunter2"}', '{"value":1,"password":"***"}'],
  ['{"apiKey" : "a\\"b", "x": 1}', '{"apiKey" : "***", "x": 1}'],
  ['{"auth_token":12345}', '{"auth_token":"***"}'],
  ['{"secret":{"a":"b"}}', '{"secret":"***"'],
  ['{"token":"never ends', '{"token":"***"'],
  ['value=1&secret=abc&x=2', 'value=1&secret=***&x=2'],
  [`{"note":"${KEY}"}`, '{"note":"***"}'],
  ['{"value":1}', '{"value":1}'],
])('%s is shown as %s', (text, expected) => {
  expect(shown(text).startsWith(expected)).toBe(true);
  expect(shown(text)).not.toMatch(/hunter2|12345|never ends|in_0/);
});

test('only the start is kept, without characters that cannot be stored', () => {
  expect(shown('x'.repeat(10_000))).toHaveLength(KEPT_CHARACTERS + 1);
  expect(shown('a\u0000b')).toBe('a\uFFFDb');
});

test('searching for credentials is fast for any body', () => {
  const started = performance.now();
  shown(`"${'token'.repeat(4_000)}`);
  shown('"token'.repeat(4_000));
  shown('&token'.repeat(4_000));
  expect(performance.now() - started).toBeLessThan(500);
});

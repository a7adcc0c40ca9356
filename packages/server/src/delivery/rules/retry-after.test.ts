import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RETRY_AFTER_MS, retryAfterMs } from './retry-after.ts';

const NOW = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('retryAfterMs', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5000],
    ['86400', MAX_RETRY_AFTER_MS],
    ['999999999999', MAX_RETRY_AFTER_MS],
    ['Sun, 06 Nov 1994 08:50:37 GMT', 60_000],
    ['Sunday, 06-Nov-94 08:50:37 GMT', 60_000],
    ['Sun Nov  6 08:50:37 1994', 60_000],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
    ['Sat, 06 Nov 2094 08:00:00 GMT', MAX_RETRY_AFTER_MS],
  ])('reads %j', (value, expected) => {
    expect(retryAfterMs(value, NOW)).toBe(expected);
  });

  it.each([
    [null],
    [undefined],
    [''],
    ['-5'],
    ['1.5'],
    ['1e3'],
    ['0x10'],
    ['soon'],
    ['soon 5'],
    ['2026'.repeat(40)],
    ['2026-11-06T08:00:00Z'],
    ['Sun, 99 Nov 1994 99:99:99 GMT'],
    ['5, 5'],
    ['NaN'],
  ])('ignores %j', (value) => {
    expect(retryAfterMs(value, NOW)).toBeNull();
  });

  it('returns null or a wait from 0 to 24 hours, whatever the header contains', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.integer().map(String),
          fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
        ),
        (value) => {
          const wait = retryAfterMs(value, NOW);
          expect(wait === null || (wait >= 0 && wait <= MAX_RETRY_AFTER_MS)).toBe(true);
        },
      ),
    );
  });
});

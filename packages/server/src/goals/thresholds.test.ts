import type { GoalDirection } from '@posthorn/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { colourOf, thresholdErrors, thresholdsFit } from './thresholds.ts';

const number = fc.integer({ min: -5, max: 5 }).map(String);
const direction = fc.constantFrom<GoalDirection>('maximize', 'minimize');

describe('RES-05: thresholds', () => {
  test('maximize: good ≥ bad; minimize: good ≤ bad; equality passes', () => {
    fc.assert(
      fc.property(number, number, (good, bad) => {
        expect(thresholdsFit({ good, bad }, 'maximize')).toBe(Number(good) >= Number(bad));
        expect(thresholdsFit({ good, bad }, 'minimize')).toBe(Number(good) <= Number(bad));
      }),
    );
  });

  test('a single threshold always passes', () => {
    fc.assert(
      fc.property(number, direction, (value, towards) => {
        expect(thresholdsFit({ good: value, bad: null }, towards)).toBe(true);
        expect(thresholdsFit({ good: null, bad: value }, towards)).toBe(true);
      }),
    );
  });

  test('errors name the given fields', () => {
    const wrong = { good: '1', bad: '2' };
    const paths = (good: boolean, bad: boolean): string[] =>
      thresholdErrors(wrong, 'maximize', { good, bad, path: '/3' }).map(({ path }) => path);
    expect(paths(true, true)).toEqual(['/3/goodThreshold', '/3/badThreshold']);
    expect(paths(true, false)).toEqual(['/3/goodThreshold']);
    expect(paths(false, true)).toEqual(['/3/badThreshold']);
  });
});

describe('RES-10: colours', () => {
  test.each([
    ['maximize', '10', '5', { 11: 'green', 10: 'green', 7: 'amber', 5: 'red', 4: 'red' }],
    ['minimize', '5', '10', { 4: 'green', 5: 'green', 7: 'amber', 10: 'red', 11: 'red' }],
    ['maximize', '5', '5', { 6: 'green', 5: 'green', 4: 'red' }],
    ['maximize', '5', null, { 5: 'green', 4: 'amber' }],
    ['maximize', null, '5', { 6: 'amber', 5: 'red' }],
    ['minimize', null, null, { 5: null }],
  ] as const)('%s with good %s and bad %s', (towards, good, bad, colours) => {
    for (const [value, colour] of Object.entries(colours)) expect(colourOf(value, { good, bad }, towards)).toBe(colour);
  });

  test('minimizing is maximizing the negative', () => {
    const negative = (text: string): string => String(-Number(text));
    fc.assert(
      fc.property(number, number, number, (value, good, bad) => {
        const mirrored = colourOf(negative(value), { good: negative(good), bad: negative(bad) }, 'maximize');
        expect(colourOf(value, { good, bad }, 'minimize')).toBe(mirrored);
      }),
    );
  });
});

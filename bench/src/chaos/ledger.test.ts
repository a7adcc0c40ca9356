import { expect, test } from 'vitest';
import { reckon } from './ledger.ts';

function books(accepted: string[], arrivals: Record<string, string[]>) {
  return reckon({
    accepted: new Set(accepted),
    pathsOf: (organization) => [`/ok/${organization}/ordered`, `/ok/${organization}/plain`],
    arrivals: new Map(Object.entries(arrivals)),
    isOrdered: (path) => path.endsWith('/ordered'),
  });
}

test('a delivery that never came is missing, one that came twice a repeat', () => {
  expect(books(['a:s:1', 'a:s:2'], { '/ok/a/ordered': ['a:s:1', 'a:s:2', 'a:s:2'], '/ok/a/plain': ['a:s:2'] })).toEqual({
    accepted: 2,
    expected: 4,
    delivered: 3,
    repeats: 1,
    outOfOrder: [],
    missing: ['/ok/a/plain a:s:1'],
  });
});

test('order counts for each subject of an ordered webhook, by first arrivals', () => {
  const ids = ['a:s:1', 'a:t:1', 'a:s:2', 'a:s:3', 'a:t:2'];
  const came = ['a:t:1', 'a:s:1', 'a:s:3', 'a:s:2', 'a:s:1', 'a:t:2'];
  expect(books(ids, { '/ok/a/ordered': came, '/ok/a/plain': came })).toMatchObject({
    outOfOrder: ['/ok/a/ordered a:s:2 after 3'],
    repeats: 2,
    missing: [],
  });
});

test('what arrives without having been accepted is no part of the reckoning', () => {
  expect(books([], { '/ok/a/plain': ['a:s:1'] })).toMatchObject({ accepted: 0, expected: 0, delivered: 0, missing: [] });
});

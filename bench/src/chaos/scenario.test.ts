import { expect, test } from 'vitest';
import { failures, type ChaosFigures } from './scenario.ts';

const FINE: ChaosFigures = {
  kind: 'ran',
  rounds: 1,
  accepted: 10,
  expected: 20,
  delivered: 20,
  repeats: 0,
  lost: 0,
  stuck: 0,
  outOfOrder: 0,
  turnedAway: 3,
  notes: [],
  problems: [],
};

test('a run passes if everything accepted arrived in order', () => {
  expect(failures({ repeats: 'none' }, FINE)).toEqual([]);
  expect(failures({ repeats: 'none' }, { kind: 'skipped', reason: 'no root' })).toEqual([]);
});

test('each figure that breaks a promise fails the run', () => {
  const bad = { ...FINE, accepted: 0, lost: 1, stuck: 2, outOfOrder: 3, repeats: 4, problems: ['memory'] };
  expect(failures({ repeats: 'none' }, bad)).toEqual([
    'memory',
    'nothing was accepted',
    '1 lost',
    '2 stuck',
    '3 out of order',
    '4 repeats',
  ]);
});

test('repeats are no failure where a process ends in the middle', () => {
  expect(failures({ repeats: 'allowed' }, { ...FINE, repeats: 4 })).toEqual([]);
});

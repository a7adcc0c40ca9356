import { expect, test } from 'vitest';
import { together } from './measure-in-turns.ts';
import type { Measurement } from './measurement.ts';

function turn(differences: Partial<Measurement>): Measurement {
  return {
    label: 'a load',
    seconds: 10,
    acceptedPerSecond: 100,
    deliveredPerSecond: 100,
    acceptLatency: { count: 1000, p50: 1, p99: 2, max: 3 },
    deliveryLatency: { count: 1000, p50: 10, p99: 20, max: 30 },
    backlog: [],
    backlogAtEnd: 0,
    backlogGrowth: 0,
    drainSeconds: 0.1,
    settleSeconds: 0.1,
    account: { accepted: 1000, unanswered: 0, lost: 0, repeats: 0, unexpected: 0 },
    statuses: {},
    processes: [{ name: 'posthorn 1', cpuSeconds: 4, memoryBytes: 500 }],
    ...differences,
  };
}

test('turns add up: rates by their seconds, percentiles from the middle one, memory at the end', () => {
  const all = together([
    turn({ seconds: 10, deliveredPerSecond: 100, statuses: { 503: 2 } }),
    turn({
      seconds: 30,
      deliveredPerSecond: 200,
      deliveryLatency: { count: 6000, p50: 30, p99: 60, max: 90 },
      account: { accepted: 6000, unanswered: 1, lost: 2, repeats: 3, unexpected: 4 },
      statuses: { 503: 1, 500: 1 },
      processes: [{ name: 'posthorn 1', cpuSeconds: 6, memoryBytes: 700 }],
      settleSeconds: 0.7,
    }),
    turn({ deliveryLatency: { count: 1000, p50: 10, p99: 25, max: 30 } }),
  ]);
  expect(all).toMatchObject({
    seconds: 50,
    deliveredPerSecond: 160,
    deliveryLatency: { count: 8000, p50: 10, p99: 25, max: 90 },
    account: { accepted: 8000, unanswered: 1, lost: 2, repeats: 3, unexpected: 4 },
    statuses: { 500: 1, 503: 3 },
    processes: [{ name: 'posthorn 1', cpuSeconds: 14, memoryBytes: 500 }],
    drainSeconds: 0.1,
    settleSeconds: 0.7,
  });
});

test('what did not end in time in one turn did not end in time', () => {
  expect(together([turn({ settleSeconds: null }), turn({ settleSeconds: 0.2 })]).settleSeconds).toBeNull();
});

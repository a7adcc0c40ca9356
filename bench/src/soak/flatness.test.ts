import { expect, test } from 'vitest';
import { flatness } from './flatness.ts';
import { holdOf, type Minute } from './minute.ts';

const MIB = 1_048_576;
const MINUTES = 12;
const HOLD = holdOf(MINUTES);

function run(change: (minute: Minute) => Partial<Minute> = () => ({})): string[] {
  const minutes = Array.from({ length: MINUTES }, (_, index): Minute => {
    const minute: Minute = {
      number: index + 1,
      acceptedPerSecond: 100,
      deliveredPerSecond: 100,
      acceptP99Us: 1,
      deliveryP99Us: 1,
      memoryBytes: { posthorn: 200 * MIB },
      historyBytes: (index + 1) * 6_000 * 2_000,
      otherBytes: MIB,
      events: (index + 1) * 6_000,
      waitingRows: 0,
      transactionHeld: index >= HOLD.after && index < HOLD.until,
    };
    return { ...minute, ...change(minute) };
  });
  return flatness(minutes, { rate: 100, hold: HOLD })
    .filter(({ passed }) => !passed)
    .map(({ what }) => what);
}

test('the transaction is open in the middle, for a third of the time and at most 20 minutes', () => {
  expect([holdOf(12), holdOf(60), holdOf(120)]).toEqual([
    { after: 4, until: 8 },
    { after: 20, until: 40 },
    { after: 50, until: 70 },
  ]);
});

test('a run whose minutes are alike is flat', () => {
  expect(run()).toEqual([]);
});

test.each<[string, (minute: Minute) => Partial<Minute>]>([
  ['delivered a second, worst minute', ({ number }) => (number === 5 ? { deliveredPerSecond: 80 } : {})],
  ['memory of posthorn after the transaction, mean', ({ number }) => ({ memoryBytes: { posthorn: (200 + 40 * number) * MIB } })],
  ['history a stored event takes, after the transaction', ({ number }) => ({ historyBytes: number * 6_000 * 2_000 * (1 + number / 20) })],
  ['growth of all other tables after the transaction', ({ number }) => ({ otherBytes: 10 * number * MIB })],
  ['rows waiting at the end of a minute, most', ({ number }) => ({ waitingRows: number * 20 })],
])('what grows is found: %s', (what, change) => {
  expect(run(change)).toEqual([what]);
});

import { describe, expect, test } from 'vitest';
import { growth } from './backlog.ts';
import { ByteLedger, OUTCOME, settleAccount } from './ledger.ts';
import { percentile, Samples } from './samples.ts';

describe('percentile', () => {
  test('is the nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([], 0.5)).toBe(0);
  });

  test('of samples does not depend on their order, nor on how many there are', () => {
    const samples = new Samples();
    for (let value = 100_000; value > 0; value--) samples.add(value);
    expect(samples.distribution()).toEqual({ count: 100_000, p50: 50_000, p99: 99_000, max: 100_000 });
    samples.clear();
    expect(samples.distribution().count).toBe(0);
  });
});

describe('growth', () => {
  test('is the slope of a steady rise', () => {
    expect(growth([1, 2, 3, 4].map((seconds) => ({ seconds, backlog: 10 + 5 * seconds })))).toBeCloseTo(5);
  });

  test('is nothing where the backlog stays', () => {
    expect(growth([1, 2, 3].map((seconds) => ({ seconds, backlog: 40 })))).toBe(0);
    expect(growth([])).toBe(0);
  });
});

describe('the account', () => {
  const { unsent, sent, accepted, refused, excluded } = OUTCOME;

  test('names what was lost, repeated, or not to be expected', () => {
    const outcomes = Uint8Array.of(accepted, accepted, sent, refused, accepted, excluded, unsent);
    const arrivals = Uint8Array.of(1, 0, 1, 1, 3, 0, 0);
    expect(settleAccount(outcomes, arrivals, 1)).toEqual({ accepted: 3, unanswered: 1, lost: 1, repeats: 2, unexpected: 1 });
  });

  test('does not let a repeat of one delivery hide the loss of another of the same event', () => {
    expect(settleAccount(Uint8Array.of(accepted), Uint8Array.of(2, 0), 2)).toMatchObject({ lost: 1, repeats: 1 });
  });

  test('counts what never arrived past the end of the arrivals as lost', () => {
    expect(settleAccount(Uint8Array.of(accepted, accepted), Uint8Array.of(1), 1).lost).toBe(1);
  });
});

test('a ledger grows and keeps what it had', () => {
  const ledger = new ByteLedger();
  ledger.set(3, 1);
  ledger.set(5_000_000, 2);
  expect([ledger.get(3), ledger.get(5_000_000), ledger.get(9_000_000)]).toEqual([1, 2, 0]);
  expect(ledger.bytes().length).toBe(5_000_001);
  ledger.clear();
  expect(ledger.get(3)).toBe(0);
});

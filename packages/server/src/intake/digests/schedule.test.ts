import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTimeOfDay, nextDailyRun } from './schedule.ts';

const BERLIN = { at: '07:00', timeZone: 'Europe/Berlin' };
const DAY_MS = 86_400_000;

function runs(time: { at: string; timeZone: string }, from: string, count: number): string[] {
  const found: string[] = [];
  for (let at = Date.parse(from); found.length < count;) {
    at = nextDailyRun(time, at);
    found.push(new Date(at).toISOString());
  }
  return found;
}

test('RVS-03 a run at 07:00 in Berlin happens once on each clock-change day, at 07:00 local time', () => {
  expect(runs(BERLIN, '2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T05:00:00.000Z', '2026-03-30T05:00:00.000Z']);
  expect(runs(BERLIN, '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T06:00:00.000Z', '2026-10-26T06:00:00.000Z']);
});

test('a skipped time runs after the gap, and a repeated time runs once', () => {
  const night = { at: '02:30', timeZone: 'Europe/Berlin' };
  expect(runs(night, '2026-03-28T12:00:00Z', 2)).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
  expect(runs(night, '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
});

test('every time of day has exactly one run on each calendar day, in any zone', () => {
  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia', 'UTC'];
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 23 }),
      fc.integer({ min: 0, max: 59 }),
      fc.constantFrom(...zones),
      fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2030-01-01') }),
      (hour, minute, timeZone, from) => {
        const at = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
        const first = nextDailyRun({ at, timeZone }, from);
        const second = nextDailyRun({ at, timeZone }, first);
        expect(first).toBeGreaterThan(from);
        expect(first - from).toBeLessThanOrEqual(DAY_MS + 7_200_000);
        expect(localDay(second, timeZone)).not.toBe(localDay(first, timeZone));
        expect(second - first).toBeLessThanOrEqual(DAY_MS + 7_200_000);
      },
    ),
    { numRuns: 300 },
  );
});

test('invalid times and zones are refused', () => {
  for (const at of ['7:00', '24:00', '07:60', '', '07:00:00']) expect(isTimeOfDay(at)).toBe(false);
  expect(() => nextDailyRun({ at: '25:00', timeZone: 'UTC' }, 0)).toThrow('not a time of day');
  expect(() => nextDailyRun({ at: '07:00', timeZone: 'Mars/Olympus' }, 0)).toThrow('Mars/Olympus');
});

function localDay(ms: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone }).format(new Date(ms));
}

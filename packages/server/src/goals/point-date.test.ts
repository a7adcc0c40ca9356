import { describe, expect, test } from 'vitest';
import { dateIn, readDate } from './point-date.ts';

function dateOf(text: string, zone = 'UTC'): string | null {
  const sent = readDate(text);
  return sent && dateIn(sent, zone);
}

describe('RES-04: dates', () => {
  test.each(['2017-03-16', '2016-02-29', '2000-02-29', '0001-01-01', '9999-12-31'])('%s is a date', (text) => {
    expect(dateOf(text, 'Pacific/Kiritimati')).toBe(text);
  });

  test.each([
    '2017-02-30',
    '2017-02-29',
    '1900-02-29',
    '2017-13-01',
    '2017-00-10',
    '2017-04-31',
    '2017-01-00',
    '0000-01-01',
    '17-03-16',
    '2017-3-16',
    '16.03.2017',
    '03/16/2017',
    '2017-02-30T10:00:00Z',
    '2017-03-16T24:00:00Z',
    '2017-03-16T10:60:00Z',
    '2017-03-16T10:00:61Z',
    '2017-03-16T10:00:00+25:00',
    '2017-03-16T10:00:00 Europe/Berlin',
    'today',
    '',
    '2017-03-16 ',
  ])('%j is not a date', (text) => {
    expect(readDate(text)).toBeNull();
  });

  test.each([
    ['2017-03-16T23:30:00Z', 'Europe/Berlin', '2017-03-17'],
    ['2017-03-16T23:30:00Z', 'America/New_York', '2017-03-16'],
    ['2017-03-16T00:30:00+02:00', 'UTC', '2017-03-15'],
    ['2017-03-16T00:30:00+0200', 'UTC', '2017-03-15'],
    ['2017-03-16T00:30+02', 'UTC', '2017-03-15'],
    ['2017-03-16t10:00:00.123456789z', 'UTC', '2017-03-16'],
    ['2017-03-16 10:00:00,5-00:00', 'UTC', '2017-03-16'],
    ['2016-12-31T23:59:60Z', 'UTC', '2016-12-31'],
    ['2017-03-16T10:30:00', 'Pacific/Kiritimati', '2017-03-16'],
    // The day the clocks go forward, and the one they go back.
    ['2026-03-29T00:59:59Z', 'Europe/Berlin', '2026-03-29'],
    ['2026-10-25T22:59:59Z', 'Europe/Berlin', '2026-10-25'],
    ['2026-10-25T23:00:00Z', 'Europe/Berlin', '2026-10-26'],
  ])('%s in %s is %s', (text, zone, date) => {
    expect(dateOf(text, zone)).toBe(date);
  });

  test('a moment outside the years 0001 to 9999 in the zone is not a date', () => {
    expect(dateOf('9999-12-31T23:00:00Z', 'Pacific/Kiritimati')).toBeNull();
    expect(dateOf('0001-01-01T00:00:00Z', 'America/New_York')).toBeNull();
  });
});

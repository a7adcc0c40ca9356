import { expect, test } from 'vitest';
import { parseKilobytes, parseStat } from './process-usage.ts';

test('a stat line is read from behind the name, whatever the name holds', () => {
  const line = '4242 (a (strange) name) S 17 4242 4242 0 -1 4194304 100 0 0 0 250 50 7 3 20 0 11 0 12345 1000000 5000 18446744073709551615';
  expect(parseStat(line)).toEqual({ parent: 17, ownTicks: 300, endedChildrenTicks: 10 });
});

test('a kilobyte line is read in bytes, and is nothing where it is missing', () => {
  const status = 'Name:\tnode\nVmHWM:\t  300 kB\nVmRSS:\t  200 kB\n';
  expect(parseKilobytes(status, 'VmRSS')).toBe(204_800);
  expect(parseKilobytes(status, 'Pss')).toBe(0);
});

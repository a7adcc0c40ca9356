import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

const KNOWN = ['kill-9', 'sigstop'];

test('scenarios and options are read from the command line', () => {
  expect(parseOptions(['sigstop', '--rounds', '3', '--seed', '7'], KNOWN)).toEqual({
    scenarios: ['sigstop'],
    rounds: 3,
    seed: 7,
    help: false,
  });
  expect(parseOptions([], KNOWN)).toEqual({ scenarios: [], rounds: null, seed: null, help: false });
});

test('a wrong number and an unknown scenario are refused by name', () => {
  expect(() => parseOptions(['--rounds', '0'], KNOWN)).toThrow('--rounds must be a whole number above 0, not "0".');
  expect(() => parseOptions(['flood'], KNOWN)).toThrow('There is no scenario flood. Choose from: kill-9, sigstop.');
});

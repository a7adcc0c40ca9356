import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('scenarios and options are read from the command line', () => {
  expect(parseOptions(['single', 'batch', '--seconds', '5', '--profile'])).toMatchObject({
    scenarios: ['single', 'batch'],
    seconds: 5,
    profile: true,
    rounds: 20,
    json: null,
  });
});

test('a wrong number is refused by name', () => {
  expect(() => parseOptions(['--seconds', 'many'])).toThrow('--seconds must be a whole number above 0, not "many".');
});

import { ExactNumber } from '@posthorn/protocol';
import fc from 'fast-check';

/** Texts that have broken parsers, databases and logs. */
const TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udfffb',
  '\u{10ffff}',
  '\ufeff',
  '\u202e',
  '\r\nX-Injected: 1',
  "' OR 1=1; --",
  '"; DROP TABLE events; --',
  '{{7*7}}${7*7}',
  '../../../etc/passwd',
  '..',
  '.',
  '__proto__',
  'constructor',
  'toString',
  '%',
  '%00',
  '%s%n',
  '\\',
  '\\u0000',
  'null',
  'NaN',
  '-0',
  '1e400',
  'infinity',
  '-infinity',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '2026-02-30T00:00:00Z',
  '00000000-0000-0000-0000-000000000000',
  'FFFFFFFF-FFFF-7FFF-BFFF-FFFFFFFFFFFF',
  'x'.repeat(300),
  'é'.repeat(5_000),
  '💥'.repeat(500),
];

/** Numbers as they are written: some of them no double holds. */
const NUMBERS: readonly string[] = [
  '0',
  '-0',
  '-1',
  '0.1',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '9007199254740993.00',
  '12345678901234567890.12',
  '2147483648',
  '9223372036854775808',
  `1${'0'.repeat(400)}`,
  `0.${'1'.repeat(400)}`,
];

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  // Halves of surrogate pairs, wherever they fall.
  { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)) },
);

/** Written into the JSON as it stands. */
const hostileNumber = fc.constantFrom(...NUMBERS).map((text): unknown => new ExactNumber(text));

function nested(depth: number, isArray: boolean): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = isArray ? [value] : { a: value };
  return value;
}

const deep = fc.tuple(fc.constantFrom(10, 100, 1_000), fc.boolean()).map(([depth, isArray]) => nested(depth, isArray));

/** Any value, with what JSON parsers stumble over. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: hostileText },
  { weight: 3, arbitrary: hostileNumber },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { '': '' }) },
  { weight: 1, arbitrary: deep },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }) },
  { weight: 1, arbitrary: fc.dictionary(hostileText, hostileText, { maxKeys: 5 }) },
);

/** Bodies that are no JSON, or odd JSON. */
export const hostileBody: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .constantFrom(
      '',
      ' ',
      '[',
      '{',
      '{"a":1,"a":2}',
      '{"__proto__":{"a":1}}',
      '{"a":1}x',
      '\ufeff{}',
      'null',
      '[]',
      '1e400',
      '"text"',
      "{'a':1}",
      '{"a":01}',
      '{"a":"\\ud800"}',
      '{"\\u0000":1}',
      '{"a":"\u0001"}',
      '['.repeat(100_000),
      `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
      `{"a":${'9'.repeat(10_000)}}`,
      `{"${'k'.repeat(50_000)}":1}`,
    )
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
);

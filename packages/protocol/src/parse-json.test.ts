import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimalOf, isHeldByDouble } from './decimal.ts';
import { ExactNumber, sameNumber } from './exact-number.ts';
import { readJson } from './json-reader.ts';
import { mayHaveExactNumbers, numberOf, parseJson } from './parse-json.ts';

/** Numbers as other programs write them: with trailing zeros, exponents, more digits than a double has. */
const digits = (most: number) => fc.string({ unit: fc.constantFrom('0', '1', '2', '5', '9'), minLength: 1, maxLength: most });
const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits(25).map((text) => text.replace(/^0+(?=\d)/, '')),
    fc.option(digits(25), { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), digits(3)), { nil: undefined }),
  )
  .map(([sign, whole, fraction, exponent]) => `${sign}${whole}${fraction === undefined ? '' : `.${fraction}`}${exponent?.join('') ?? ''}`);

const text = fc.string({ unit: fc.constantFrom('a', 'é', '"', '\\', '\n', '\u2028', '\ud800', '😀', ' ', ':', '1', '.', 'e', '{', ',') });
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '0', '10', ''));
const space = fc.constantFrom('', ' ', '\n\t', '\r\n');

/** JSON texts built by hand, with repeated keys, varying white space, and numbers in every spelling. */
const json = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.oneof(
      fc.constantFrom('null', 'true', 'false'),
      number,
      text.map((one) => JSON.stringify(one)),
      text.map(escaped),
    ),
    fc.tuple(space, fc.array(tie('value'), { maxLength: 4 })).map(([gap, items]) => `[${gap}${items.join(`${gap},`)}${gap}]`),
    fc
      .tuple(space, fc.array(fc.tuple(key, fc.boolean(), tie('value')), { maxLength: 5 }))
      .map(
        ([gap, members]) => `{${gap}${members.map(([name, plain, value]) => member(name, { plain, gap, value })).join(`${gap},${gap}`)}}`,
      ),
  ),
})).value;

function member(name: string, { plain, gap, value }: { plain: boolean; gap: string; value: string }): string {
  return `${plain ? JSON.stringify(name) : escaped(name)}${gap}:${gap}${value}`;
}

function escaped(one: string): string {
  return `"${one.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
}

/** Parses by the grammar, character by character (RFC 8259). */
function reference(source: string): unknown {
  let rest = source;
  const take = (pattern: RegExp): string => {
    const [found = ''] = pattern.exec(rest) ?? [];
    rest = rest.slice(found.length);
    return found;
  };
  const spaces = (): string => take(/^[ \t\n\r]*/);
  const value = (): unknown => {
    spaces();
    const first = rest[0];
    if (first === '"') return JSON.parse(take(/^"(?:[^"\\]|\\.)*"/s)) as unknown;
    if (first === '[' || first === '{') return container(first);
    const token = take(/^[-+.\w]+/);
    return token === 'null' ? null : token === 'true' || token === 'false' ? token === 'true' : numberOf(token);
  };
  const container = (first: '[' | '{'): unknown => {
    const items: unknown[] = [];
    const members = new Map<string, unknown>();
    take(/^[[{]\s*/);
    while (!/^[\]}]/.test(rest)) {
      const one = value();
      spaces();
      if (first === '{') {
        take(/^:/);
        members.set(String(one), value());
      } else items.push(one);
      take(/^\s*,?\s*/);
    }
    take(/^[\]}]/);
    return first === '[' ? items : Object.fromEntries(members);
  };
  return value();
}

test('it parses a text by the grammar, whatever was parsed before', () => {
  fc.assert(
    fc.property(json, (source) => {
      JSON.parse(source);
      const expected = reference(source);
      // Vitest mistakes a key `constructor` for a type.
      expect(isDeepStrictEqual(parseJson(source), expected)).toBe(true);
      expect(isDeepStrictEqual(readJson(source, { number: numberOf }), expected)).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

test('it refuses what JSON.parse refuses', () => {
  for (const source of ['', '{', '{"a":}', '[1,]', '01', '1.', '.5', '"\n"', '{"\\":1}', 'NaN', '1e', '--1']) {
    expect(() => parseJson(source)).toThrow(SyntaxError);
  }
});

test('every number keeps its value when written again, and its digits if a double could not hold it', () => {
  fc.assert(
    fc.property(number, space, (source, gap) => {
      const written = JSON.stringify(parseJson(`{"a":[${gap}${source}${gap}]}`)).slice('{"a":['.length, -2);
      expect(decimalOf(written)).toEqual(decimalOf(source));
      if (!isHeldByDouble(source)) expect(written).toBe(source);
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ['9007199254740993', '9007199254740993'],
  ['9007199254740993.00', '9007199254740993.00'],
  ['9007199254740993e0', '9007199254740993e0'],
  ['12345678901234567890.12', '12345678901234567890.12'],
  ['0.1000000000000000055', '0.1000000000000000055'],
  ['1e400', '1e400'],
  ['-1e-400', '-1e-400'],
  ['9007199254740992.00', '9007199254740992'],
  ['1.10', '1.1'],
  ['1.0', '1'],
  ['1E2', '100'],
  ['1e21', '1e+21'],
  ['-0', '0'],
  ['0e999', '0'],
  ['0.30000000000000004', '0.30000000000000004'],
])('%s is written again as %s', (source, written) => {
  expect(JSON.stringify(parseJson(`[${source}]`))).toBe(`[${written}]`);
});

test('a number is found anywhere in a text', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.constantFrom('9007199254740993', '1e999', '0.1e-1000', '12345678901234567.5'),
      (before, source) => {
        const list = `["${'x'.repeat(before)}",${source},1]`;
        expect(mayHaveExactNumbers(list)).toBe(true);
        expect(mayHaveExactNumbers(`["${'x'.repeat(before)}","${source}",1]`)).toBe(false);
      },
    ),
  );
});

test('V8 still misreads keys with escapes: when this fails, remove mayBeMisread', () => {
  JSON.parse('{"canary":1,"\\\\":2}');
  const second = '{"canary":1,"\\"":2}';
  expect(Object.keys(JSON.parse(second) as object)).toEqual(['canary', '\\']);
  expect(parseJson(second)).toEqual({ canary: 1, '"': 2 });
});

test('its time grows linearly with the text', () => {
  const units = [
    '{"\\\\":1}',
    '{}',
    '9007199254740993',
    '"\\""',
    '"\\\\"',
    '1e999',
    '{"a":1}',
    `1${'0'.repeat(998)}1`,
    '"1234567890123456789"',
  ];
  const stepsOf = (unit: string, count: number): number => {
    const source = `[${Array.from({ length: count }, () => unit).join(',')}]`;
    let steps = 0;
    readJson(source, { number: (one) => (steps++, numberOf(one)), onKey: () => steps++ });
    return steps;
  };
  for (const unit of units) expect(stepsOf(unit, 2_000)).toBe(2 * stepsOf(unit, 1_000));
});

test('a text of any depth is read', () => {
  const depth = 200_000;
  let value = readJson(`${'['.repeat(depth)}1${']'.repeat(depth)}`, { number: numberOf });
  for (let level = 0; level < depth; level++) value = Array.isArray(value) ? value[0] : null;
  expect(value).toBe(1);
});

describe('an exact number', () => {
  const exact = new ExactNumber('12345678901234567890.120');

  test('is written unchanged, is the nearest double in arithmetic, and shows all its digits', () => {
    expect(JSON.stringify({ exact, list: [exact] })).toBe('{"exact":12345678901234567890.120,"list":[12345678901234567890.120]}');
    expect(Number(exact)).toBe(12345678901234567000);
    expect([exact.toFixed(1), exact.toPrecision(3), exact.toLocaleString('en')]).toEqual([
      '12345678901234567168.0',
      '1.23e+19',
      '12,345,678,901,234,567,000',
    ]);
    expect(String(exact)).toBe('12345678901234567890.120');
  });

  test('equals another one by value, not by spelling', () => {
    expect(sameNumber(exact, new ExactNumber('1234567890123456789012e-2'))).toBe(true);
    expect(sameNumber(exact, new ExactNumber('12345678901234567890.121'))).toBe(false);
    expect(sameNumber(exact, new ExactNumber('-12345678901234567890.12'))).toBe(false);
  });

  test.each(['', 'NaN', '01', '1.', '0x10', ' 1', '1,5', 'Infinity', '+1'])('cannot be created from %j', (source) => {
    expect(() => new ExactNumber(source)).toThrow(RangeError);
  });
});

import { ExactNumber, parseJson, PosthornError } from '@posthorn/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJsonBody } from './json-text.ts';

const parse = (text: string): unknown => parseJsonBody(Buffer.from(text));

function refusal(text: string | Uint8Array): PosthornError {
  try {
    parseJsonBody(typeof text === 'string' ? Buffer.from(text) : text);
  } catch (error) {
    if (error instanceof PosthornError) return error;
    throw error;
  }
  throw new Error(`It was taken: ${String(text).slice(0, 100)}`);
}

/** JSON as other programs write it: white space between tokens, keys that look like values, escapes. */
const json = fc
  .tuple(fc.json({ depthSize: 'medium', maxDepth: 5 }), fc.constantFrom(undefined, 1, '\t', '  '))
  .map(([text, space]) => JSON.stringify(JSON.parse(text), null, space));

test('it parses what it accepts like JSON.parse', () => {
  fc.assert(
    fc.property(json, (text) => {
      fc.pre(!text.includes('"__proto__"'));
      expect(parse(text)).toEqual(parseJson(text));
    }),
  );
});

test('a duplicate key is refused in any spelling and at any depth', () => {
  const key = fc.string({ unit: fc.constantFrom('a', '"', '\\', ':', ' ', '{', 'é') });
  fc.assert(
    fc.property(key, fc.constantFrom('', ' ', '\n\t'), fc.boolean(), (name, space, escaped) => {
      const plain = JSON.stringify(name);
      const other = escaped ? `"${name.replaceAll(/[^]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)}"` : plain;
      const inside = `{"x${'":'.replace('"', '\\"')}":"a\\":b",${plain}${space}:1,"other":[{}],${other}${space}:2}`;
      const error = refusal(`{"list":[${inside}]}`);
      expect(error.code).toBe('malformed_json');
      expect(error.message).toContain(plain);
    }),
  );
});

test('a key with an escape is parsed correctly, whatever was parsed before', () => {
  const key = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'u', '0'), maxLength: 4 });
  const object = fc.dictionary(key, fc.constantFrom(1, {}, [{ a: 1 }]), { maxKeys: 4, noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(object, { maxLength: 3 }), fc.constantFrom('', ' '.repeat(2)), (objects, space) => {
      const text = JSON.stringify({ first: 1, '\\': 2, objects }, null, space);
      expect(JSON.stringify(parse(text), null, space)).toBe(text);
    }),
    { numRuns: 1_000 },
  );
  parse('{"x":1,"\\\\":2}');
  expect(parse('{"x":1,"\\"":2}')).toEqual({ x: 1, '"': 2 });
  expect(parse('{"x":1,"\\n":{   }}')).toEqual({ x: 1, '\n': {} });
});

test('the same key in different objects is not a duplicate', () => {
  expect(parse('{"a":{"a":[{"a":1},{"a" : 2}]},"b":"\\"a\\":"}')).toEqual({ a: { a: [{ a: 1 }, { a: 2 }] }, b: '"a":' });
});

describe('numbers', () => {
  test('an integer that a double cannot hold keeps its digits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
        const isSafe = integer >= -(2n ** 53n) && integer <= 2n ** 53n;
        const value = (parse(`{"n":${integer}}`) as { n: unknown }).n;
        if (isSafe) expect(value).toBe(Number(integer));
        expect(BigInt(String(value))).toBe(integer);
      }),
    );
  });

  test('a decimal too; one that a double holds is a plain number', () => {
    expect(parse('[0.1,1234567890.1234567,1e20,1E-9,-0.5e+3,1.10]')).toEqual([0.1, 1234567890.1234567, 1e20, 1e-9, -500, 1.1]);
    expect(parse('{"a":[9007199254740993.00,1e400]}')).toEqual({
      a: [new ExactNumber('9007199254740993.00'), new ExactNumber('1e400')],
    });
  });

  test('one that is too long to be compared is refused with its path', () => {
    const long = `0.${'123'.repeat(400)}`;
    const error = refusal(`{"a":[1,${long}],"b/c~d":{"e":1e-1001},"f":-1e9999999999,"g":"${long}"}`);
    expect(error.code).toBe('unsafe_number');
    expect(error.errors.map(({ path, rule }) => [path, rule])).toEqual([
      ['/a/1', 'safe_number'],
      ['/b~1c~0d/e', 'safe_number'],
      ['/f', 'safe_number'],
    ]);
    expect(error.errors[2]?.message).toContain('-1e9999999999');
    expect(refusal('1e1001').message).toContain('The body');
    expect(parse('[1e999,0e99999,1e-999]')).toEqual([new ExactNumber('1e999'), 0, new ExactNumber('1e-999')]);
  });

  test('a string that looks like a number stays a string', () => {
    expect(parse('{"12345678901234567890":"x,12345678901234567890","y":"1e999"}')).toEqual({
      '12345678901234567890': 'x,12345678901234567890',
      y: '1e999',
    });
  });

  test('the error names the first fifty of many such numbers', () => {
    expect(refusal(`[${Array.from({ length: 1_000 }, () => '1e2000').join()}]`).errors).toHaveLength(50);
  });
});

test.each(['', ' ', '{', '{"a":}', '{"a":1,}', "{'a':1}", '[1 2]', 'NaN', 'undefined', '{"a":01}', '"\t"', '{}{}', '\u00a0{}'])(
  'invalid JSON is refused: %j',
  (text) => {
    expect(refusal(text).code).toBe('malformed_json');
  },
);

test('invalid UTF-8 is refused, not replaced', () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0x80, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00],
  ]) {
    expect(refusal(Buffer.from(bytes))).toMatchObject({ code: 'malformed_json', message: expect.stringContaining('UTF-8') });
  }
});

test('keys that reach a prototype are refused with their path', () => {
  for (const [text, path] of [
    ['{"__proto__":{"isAdmin":true}}', '/__proto__'],
    ['{"data":[{"a/b":{"__proto__":1}}]}', '/data/0/a~1b/__proto__'],
    ['{"\\u005f_proto__":{}}', '/__proto__'],
  ] as const) {
    expect(refusal(text)).toMatchObject({ code: 'invalid_request', errors: [{ path, rule: 'key' }] });
  }
  expect(parse('{"a":"__proto__","constructor":1,"prototype":2}')).toMatchObject({ a: '__proto__' });
});

test('a hundred levels are accepted, more are refused, a million do no harm', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  expect(parse(nested(100))).toBeInstanceOf(Array);
  expect(refusal(nested(101)).code).toBe('malformed_json');
  expect(refusal(nested(500_000)).code).toBe('malformed_json');
  expect(refusal(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`).code).toBe('malformed_json');
});

test('a text with too many values is refused before it is parsed', () => {
  const list = (unit: string, count: number): string => `[${Array.from({ length: count }, () => unit).join()}]`;
  for (const text of [list('{}', 250_000), list('{"\\\\":1}', 250_000), list('1', 1_000_000), `[${list('{"a":[]}', 130_000)},"{}[],"]`]) {
    expect(refusal(text)).toMatchObject({ code: 'payload_too_large', message: expect.stringContaining('Split it') });
  }
  expect(refusal(`{${Array.from({ length: 250_001 }, (_, index) => `"k${index}":1`).join()}}`)).toMatchObject({
    code: 'payload_too_large',
  });
  expect(refusal(list('1e999', 100_001))).toMatchObject({ code: 'payload_too_large' });
  // Refused before it is parsed: this is not valid JSON.
  expect(refusal(`${list('{}', 250_000)}}`).code).toBe('payload_too_large');
  expect(parse(list('"[{,]}"', 300_000))).toHaveLength(300_000);
  expect(parse(list('{}', 249_999))).toHaveLength(249_999);
  expect(refusal(`"${'x'.repeat(100_000)}`).code).toBe('malformed_json');
});

test('a body made to be slow is parsed or refused quickly', () => {
  const started = performance.now();
  parse(JSON.stringify({ a: '\\"'.repeat(100_000), b: '":'.repeat(100_000) }));
  parse(`["${'\\\\'.repeat(400_000)}"]`);
  parse(`{"a"${' '.repeat(900_000)}:1}`);
  parse(`["${'\\"          '.repeat(80_000)}"]`);
  refusal(`{${Array.from({ length: 50_000 }, (_, index) => `"k${index}":1`).join()},"k0":2}`);
  parse(`[${Array.from({ length: 200_000 }, () => '{"\\\\":1}').join()}]`);
  parse(`[${Array.from({ length: 100_000 }, () => '9007199254740993').join()}]`);
  refusal(`[1${'0'.repeat(500_000)}1,0.${'0'.repeat(400_000)}1]`);
  expect(performance.now() - started).toBeLessThan(5_000);
});

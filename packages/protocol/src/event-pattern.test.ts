import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileEventPatterns } from './event-pattern.ts';

const matches = (pattern: string, type: string): boolean => compileEventPatterns([pattern]).matches(type);
/** Few letters, so that parts of names often match. */
const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });

describe('event patterns', () => {
  test.each([
    ['*', 'deal-signed', true],
    ['deal-signed', 'deal-signed', true],
    ['deal-signed', 'deal-signed-twice', false],
    ['deal-*', 'deal-signed', true],
    ['deal-*', 'deal-', true],
    ['deal-*', 'account-created', false],
    ['deal-*', 'my-deal-signed', false],
    ['EXECUTION.*', 'EXECUTION.FINISHED', true],
    ['EXECUTION.*', 'EXECUTIONxFINISHED', false],
    ['*-created', 'account-created', true],
    ['*-created', 'account-created-late', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c', false],
    ['ab*ba', 'aba', false],
    ['*ab*ba', 'aba', false],
    ['*ab*ba', 'abba', true],
    ['**', 'anything', true],
    ['a**b', 'axb', true],
    ['deal.signed', 'dealxsigned', false],
    ['Deal-*', 'deal-signed', false],
  ])('%s against %s: %s', (one, type, expected) => {
    expect(matches(one, type)).toBe(expected);
  });

  test('a subscription matches if any of its patterns does, and never without patterns', () => {
    const { matches: wanted } = compileEventPatterns(['account-*', 'deal-signed']);
    expect(['account-created', 'deal-signed', 'deal-updated'].filter(wanted)).toEqual(['account-created', 'deal-signed']);
    expect(compileEventPatterns([]).matches('deal-signed')).toBe(false);
  });

  test('FOS-01: an alias is matched as the type itself is, by name and by pattern', () => {
    const aliases = new Map([['postCompleted', ['post_completed']]]);
    const compiled = (...patterns: string[]) => compileEventPatterns(patterns, (type) => aliases.get(type) ?? []);
    for (const one of ['postCompleted', 'post_completed', 'post_*', 'post*']) {
      expect(compiled(one).matches('postCompleted')).toBe(true);
    }
    expect(compiled('post_*').matches('changelogCreated')).toBe(false);
    expect(compiled('post_deleted').matches('postCompleted')).toBe(false);
  });

  test('a star matches any characters: prefix, suffix, middle', () => {
    fc.assert(
      fc.property(name, name, (part, type) => {
        expect(matches(`${part}*`, type)).toBe(type.startsWith(part));
        expect(matches(`*${part}`, type)).toBe(type.endsWith(part));
        expect(matches(`*${part}*`, type)).toBe(type.includes(part));
      }),
    );
  });

  test('a name matches itself, also with any part replaced by a star', () => {
    fc.assert(
      fc.property(name, fc.nat(12), fc.nat(12), (type, from, to) => {
        expect(matches(type, type)).toBe(true);
        expect(matches(`${type.slice(0, from)}*${type.slice(Math.max(from, to))}`, type)).toBe(true);
      }),
    );
  });

  test('every pattern matches as its plain definition does', () => {
    fc.assert(
      fc.property(pattern, name, (one, type) => {
        expect(matches(one, type)).toBe(defined(one, type));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a hostile pattern of many stars is matched quickly', () => {
    expect(matches(`${'a*'.repeat(63)}b`, 'a'.repeat(128))).toBe(false);
    expect(matches(`*${'a*'.repeat(63)}`, `${'a'.repeat(62)}${'b'.repeat(66)}`)).toBe(false);
  });
});

/** The definition: a star is nothing, or one character and then a star. Slow, but simple. */
function defined(one: string, type: string): boolean {
  if (one === '') return type === '';
  if (one.startsWith('*')) return defined(one.slice(1), type) || (type !== '' && defined(one, type.slice(1)));
  return type !== '' && one[0] === type[0] && defined(one.slice(1), type.slice(1));
}

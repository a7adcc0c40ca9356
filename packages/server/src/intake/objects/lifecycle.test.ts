import {
  and,
  diffFields,
  everyItem,
  field,
  not,
  once,
  or,
  present,
  sameJson,
  someItem,
  type Json,
  type JsonObject,
} from '@posthorn/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileCondition } from '../../catalog/conditions.ts';
import { loadProduct } from '../../catalog/load-product.ts';
import type { LifecycleRules } from '../../catalog/object-kind.ts';
import { eventsOf, type Transition } from './lifecycle.ts';

const type = { description: 'Happened.', sample: {} };
const { objectKinds } = await loadProduct({
  name: 'test',
  events: { created: type, updated: type, deleted: type, moved: type, open: type, zero: type, off: type, all: type, any: type },
  objects: {
    thing: {
      created: once('created'),
      updated: 'updated',
      deleted: 'deleted',
      changes: { 'place.city': 'moved' },
      enters: { status: { open: 'open' }, count: { 0: once('zero') }, 'place.on': { false: 'off' } },
      when: [
        { becomes: everyItem('parts', field('done', true)), event: once('all') },
        { becomes: someItem('parts', and(field('done', true), present('by'))), event: 'any' },
      ],
    },
    silent: {},
  },
});
const rules = (objectKinds.listed.get('thing') as { rules: LifecycleRules }).rules;

/** Applies states in order (null deletes) and returns the events of each step. */
function run(states: readonly (JsonObject | null)[]): string[][] {
  const given = new Set<string>();
  let previous: JsonObject | null = null;
  return states.map((state) => {
    const transition = transitionOf(previous, state);
    const events = transition ? eventsOf(rules, transition, given) : [];
    for (const rule of events) if (rule.once) given.add(rule.type.name);
    previous = state;
    return events.map((rule) => rule.type.name);
  });
}

function transitionOf(previous: JsonObject | null, state: JsonObject | null): Transition | null {
  if (state === null) return previous === null ? null : { kind: 'deleted' };
  if (previous === null) return { kind: 'created', state };
  return sameJson(previous, state) ? null : { kind: 'updated', previous, state, changed: diffFields(previous, state) };
}

describe('lifecycle rules', () => {
  test('a new object causes its created event and enters its values', () => {
    expect(run([{ status: 'open', count: 0, place: { on: false, city: 'A' }, parts: [{ done: true, by: 'me' }] }])).toEqual([
      ['created', 'open', 'zero', 'off', 'all', 'any'],
    ]);
  });

  test('an enters rule applies each time the value changes to it, unless it is once', () => {
    expect(run([{}, { status: 'open', count: 0 }, { status: 'shut', count: 1 }, { status: 'open', count: 0 }])).toEqual([
      ['created'],
      ['updated', 'open', 'zero'],
      ['updated'],
      ['updated', 'open'],
    ]);
  });

  test('enters compares text: 0 is entered by 0 and "0", but not by null or a list', () => {
    expect(run([{ count: null }, { count: '0' }])).toEqual([['created'], ['updated', 'zero']]);
    expect(run([{ count: null }, { count: [0] }, { count: 0 }])).toEqual([['created'], ['updated'], ['updated', 'zero']]);
  });

  test('a nested field is compared by its own value', () => {
    expect(run([{ place: { city: 'A', x: 1 } }, { place: { city: 'A', x: 2 } }, { place: { city: 'B', x: 2 } }, {}])).toEqual([
      ['created'],
      ['updated'],
      ['updated', 'moved'],
      ['updated', 'moved'],
    ]);
  });

  test('every-item requires all items to match, and is false for an empty list', () => {
    const steps: Json[][] = [[], [{ done: true }, { done: false }], [{ done: true }, { done: true }], [], [{ done: true }]];
    expect(run(steps.map((parts) => ({ parts })))).toEqual([['created'], ['updated'], ['updated', 'all'], ['updated'], ['updated']]);
  });

  test('a once created event is sent only once: a recreated object causes updated', () => {
    expect(run([{ a: 1 }, null, { a: 1 }, null, null])).toEqual([['created'], ['deleted'], ['updated'], ['deleted'], []]);
  });

  test('for any states: no change causes no event, once applies once, created and updated exclude each other', () => {
    const part = fc.record({ done: fc.boolean() }, { requiredKeys: [] });
    const state = fc.record(
      {
        status: fc.constantFrom('open', 'shut'),
        count: fc.constantFrom(0, 1),
        place: fc.record({ city: fc.constantFrom('A', 'B'), on: fc.boolean() }),
        parts: fc.array(part, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<JsonObject>;
    fc.assert(
      fc.property(fc.array(fc.option(state), { maxLength: 12 }), (states) => {
        const steps = run(states);
        const all = steps.flat();
        for (const name of ['created', 'zero', 'all']) expect(all.filter((event) => event === name).length).toBeLessThanOrEqual(1);
        steps.forEach((events, index) => {
          const [previous, next] = [states[index - 1] ?? null, states[index] ?? null];
          const same = previous === null || next === null ? previous === next : sameJson(previous, next);
          expect(events.length === 0).toBe(same);
          expect(new Set(events).size).toBe(events.length);
          if (events.length > 0) expect(['created', 'updated', 'deleted'].filter((name) => events.includes(name))).toEqual([events[0]]);
          expect(events.includes('open')).toBe(next?.['status'] === 'open' && previous?.['status'] !== 'open');
        });
      }),
    );
  });
});

test.each([
  [field('a', 1, 'x'), { a: 'x' }, true],
  [field('a', 1, 'x'), { a: '1' }, false],
  [field('a.b', null), { a: { b: null } }, true],
  [field('a.b', null), { a: {} }, false],
  [field('/a.b/c~1d', true), { 'a.b': { 'c/d': true } }, true],
  [present('a'), { a: 0 }, true],
  [present('a'), { a: null }, false],
  [present('toString'), {}, false],
  [not(present('a')), {}, true],
  [and(present('a'), present('b')), { a: 1 }, false],
  [or(present('a'), present('b')), { a: 1 }, true],
  [everyItem('a', field('b', 1)), { a: 'text' }, false],
  [someItem('a', field('b', 1)), { a: [{ b: 2 }, { b: 1 }] }, true],
  [everyItem('a', someItem('b', present('c'))), { a: [{ b: [{ c: 1 }] }, { b: [] }] }, false],
])('%j of %j is %s', (condition, state, holds) => {
  expect(compileCondition(condition)(state as Json)).toBe(holds);
});

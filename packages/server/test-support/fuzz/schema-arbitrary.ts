import { ExactNumber } from '@posthorn/protocol';
import fc from 'fast-check';
import type { Schema } from './api-operations.ts';
import { hostileValue } from './hostile.ts';

/** Good values for a field of that name, more of which pass than of what a schema alone gives. */
export type KnownValues = Readonly<Record<string, readonly unknown[]>>;

/** Values that the schema allows, or nearly. */
export function valuesOf(schema: Schema, known: KnownValues): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => valuesOf(one, known)));
  switch (schema.type) {
    case 'string':
      return texts(schema);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1_000, max: Math.min(schema.maximum ?? 1_000_000, 2 ** 31 - 1) });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}, known), {
        minLength: Math.min(schema.minItems ?? 0, 3),
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    case 'object':
      return objects(schema, known);
    case undefined:
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objects({ properties = {}, required = [], additionalProperties }: Schema, known: KnownValues): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => {
      const good = known[name];
      const values = valuesOf(schema, known);
      return [name, good ? fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: values }) : values];
    }),
  );
  const declared = fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
  if (typeof additionalProperties !== 'object' && Object.keys(properties).length > 0) return declared;
  const others = fc.dictionary(
    fc.string({ maxLength: 8 }),
    valuesOf(typeof additionalProperties === 'object' ? additionalProperties : {}, known),
    {
      maxKeys: 4,
    },
  );
  return fc.tuple(others, declared).map(([more, own]) => ({ ...more, ...own }));
}

function texts({ format, pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  switch (format) {
    case 'date-time':
      return fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
    case 'date':
      return fc
        .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
        .map((date) => date.toISOString().slice(0, 10));
    case 'email':
      return fc.emailAddress();
    case undefined:
    default: {
      const plain = fc.stringMatching(/^[a-z][a-z0-9-]*$/).map((text) => text.slice(0, maxLength).padEnd(minLength, 'x'));
      // fast-check knows no lookaheads.
      if (pattern === undefined || pattern.includes('(?')) return plain;
      return fc.oneof(
        plain,
        fc.stringMatching(new RegExp(pattern, 'u')).map((text) => text.slice(0, 300)),
      );
    }
  }
}

interface Mutation {
  readonly at: number;
  readonly how: 'replace' | 'remove' | 'add';
  readonly value: unknown;
}

const mutations = fc.array(
  fc.record<Mutation>({ at: fc.nat(), how: fc.constantFrom('replace', 'replace', 'remove', 'add'), value: hostileValue }),
  { minLength: 1, maxLength: 2 },
);

/** Values that the schema allows, and such with a field replaced, taken away or added. */
export function nearlyValuesOf(schema: Schema, known: KnownValues): fc.Arbitrary<unknown> {
  const values = valuesOf(schema, known);
  const mutated = fc.tuple(values, mutations).map(([value, changes]) => changes.reduce(mutate, { value: copyOf(value) }).value);
  return fc.oneof(values, mutated);
}

function mutate(root: { value: unknown }, { at, how, value: shared }: Mutation): { value: unknown } {
  const value = copyOf(shared);
  const holders = holdersIn(root);
  const place = holders[at % holders.length];
  if (!place) return root;
  const { holder, key } = place;
  if (how === 'remove' && holder !== root) delete holder[key];
  else if (how === 'add' && isHolder(holder[key]) && !Array.isArray(holder[key])) holder[key]['unknown-field'] = value;
  else holder[key] = value;
  return root;
}

/** What is generated is used again: it must not be changed, nor be put into itself. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isHolder(value)) return value;
  // Not by assignment: `__proto__` is a name like any other.
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]));
}

type Holder = Record<string, unknown>;

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null && !(value instanceof ExactNumber);
}

/** Every place that holds a value, the root's first. */
function holdersIn(root: { value: unknown }): { holder: Holder; key: string }[] {
  const places: { holder: Holder; key: string }[] = [];
  const open: Holder[] = [root];
  for (let holder = open.pop(); holder !== undefined && places.length < 200; holder = open.pop()) {
    for (const [key, value] of Object.entries(holder)) {
      places.push({ holder, key });
      if (isHolder(value)) open.push(value);
    }
  }
  return places;
}

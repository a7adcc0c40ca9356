import { compareNumbers, decimalOf, ExactNumber, isMultipleOf, sameJson, type Json, type JsonObject } from '@posthorn/protocol';
import type { Ajv, FuncKeywordDefinition, SchemaValidateFunction } from 'ajv';

/** Whether the value contains a number that a double can't represent. Allocates nothing: it runs for most events. */
export function holdsExactNumber(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof ExactNumber) return true;
  if (Array.isArray(value)) return value.some(holdsExactNumber);
  for (const key in value) if (holdsExactNumber(value[key] ?? null)) return true;
  return false;
}

/** Replaces exact numbers with the nearest doubles, for checks that support only plain numbers. */
export function withDoubles(value: JsonObject): JsonObject {
  return replaced(value, nearestDouble) as JsonObject;
}

/** Like `withDoubles`, but a non-integer never becomes an integer, so that `type` can be checked on the stand-in. */
function withStandIns(value: JsonObject): JsonObject {
  return replaced(value, (exact) => {
    const nearest = nearestDouble(exact);
    return decimalOf(exact.source).exponent < 0 && Number.isInteger(nearest) ? 0.5 : nearest;
  }) as JsonObject;
}

function nearestDouble(exact: ExactNumber): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, Number(exact)));
}

function replaced(value: Json, byNumber: (exact: ExactNumber) => number): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof ExactNumber) return byNumber(value);
  if (Array.isArray(value)) return value.map((item) => replaced(item, byNumber));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, byNumber)]));
}

/** A keyword that is checked on the exact value. */
interface ExactKeyword extends Pick<FuncKeywordDefinition, 'type'> {
  readonly holds: (rule: unknown, value: Json) => boolean;
  readonly message: (rule: unknown) => string;
}

const compared = (word: string, holds: (order: number) => boolean): ExactKeyword => ({
  type: 'number',
  holds: (limit, value) => holds(compareNumbers(sourceOf(value), String(limit))),
  message: (limit) => `must be ${word} ${String(limit)}`,
});

const KEYWORDS: Readonly<Record<string, ExactKeyword>> = {
  minimum: compared('>=', (order) => order >= 0),
  maximum: compared('<=', (order) => order <= 0),
  exclusiveMinimum: compared('>', (order) => order > 0),
  exclusiveMaximum: compared('<', (order) => order < 0),
  multipleOf: {
    type: 'number',
    holds: (divisor, value) => isMultipleOf(sourceOf(value), String(divisor)),
    message: (divisor) => `must be multiple of ${String(divisor)}`,
  },
  const: { holds: (wanted, value) => sameJson(wanted as Json, value), message: () => 'must be equal to constant' },
  enum: {
    holds: (allowed, value) => (allowed as Json[]).some((one) => sameJson(one, value)),
    message: () => 'must be equal to one of the allowed values',
  },
  uniqueItems: {
    type: 'array',
    holds: (unique, value) => unique !== true || !Array.isArray(value) || new Set(value.map(canonical)).size === value.length,
    message: () => 'must NOT have duplicate items',
  },
};

/** Returns a number as JSON text. */
function sourceOf(value: Json): string {
  return value instanceof ExactNumber ? value.source : JSON.stringify(value);
}

/** Returns the same text for equal values. */
function canonical(value: Json): string {
  if (value instanceof ExactNumber) return JSON.stringify(decimalOf(value.source));
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
  return `{${members.toSorted().join()}}`;
}

/**
 * Compiles a JSON Schema for data with exact numbers, whose keywords compare numbers digit by digit. Ajv supports only
 * plain numbers, so it gets stand-ins, and the keywords look up the exact values.
 */
export function compileExactly(ajv: Ajv, schema: object) {
  let root: JsonObject = {};
  for (const [keyword, exact] of Object.entries(KEYWORDS)) {
    ajv.removeKeyword(keyword);
    ajv.addKeyword(keywordDefinition(keyword, exact, (pointer) => valueAtPointer(root, pointer)));
  }
  const validate = ajv.compile<JsonObject>(schema);
  return {
    validate(data: JsonObject): boolean {
      root = data;
      const valid = validate(withStandIns(data));
      root = {};
      return valid;
    },
    errors: () => validate.errors ?? [],
  };
}

function keywordDefinition(
  keyword: string,
  { type, holds, message }: ExactKeyword,
  find: (pointer: string) => Json,
): FuncKeywordDefinition {
  const validate: SchemaValidateFunction = (...given): boolean => {
    const rule: unknown = given[0];
    const context = given[3];
    if (holds(rule, find(context?.instancePath ?? ''))) return true;
    validate.errors = [{ keyword, message: message(rule), params: { allowedValues: rule } }];
    return false;
  };
  return { keyword, ...(type === undefined ? {} : { type }), errors: true, validate };
}

function valueAtPointer(root: JsonObject, pointer: string): Json {
  let value: Json | undefined = root;
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~');
    value = Array.isArray(value) ? value[Number(name)] : (value as JsonObject | undefined)?.[name];
  }
  return value ?? null;
}

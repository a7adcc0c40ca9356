import { ExactNumber } from '@posthorn/protocol';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import { PATTERN_ERRORS } from './text-schema.ts';

/** Keywords whose values are data, not schemas. */
const DATA = new Set(['const', 'enum', 'default', 'examples']);

/**
 * Adds rules to a body schema that JSON Schema cannot express. Strings must not contain half of a surrogate pair, which
 * UTF-8 would change. An ExactNumber does not count as an object. Free-form data gets no rules.
 */
export function withBodyRules(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withBodyRules);
  if (typeof schema !== 'object' || schema === null) return schema;
  const ruled: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) ruled[keyword] = DATA.has(keyword) ? value : withBodyRules(value);
  // The patterns of ids and stored text exclude surrogates already.
  if (ruled['type'] === 'string' && !PATTERN_ERRORS.has(ruled['pattern'])) ruled[TEXT] = true;
  if (ruled['type'] === 'object') ruled[JSON_OBJECT] = true;
  return ruled;
}

const TEXT = 'text';
/** The keyword for the rule that a number is not an object. */
export const JSON_OBJECT = 'jsonObject';

export function addBodyKeywords(ajv: Ajv2020): void {
  ajv.addKeyword({
    keyword: TEXT,
    type: 'string',
    schemaType: 'boolean',
    validate: (_rule: boolean, value: string) => value.isWellFormed(),
    error: { message: 'must not contain half of a surrogate pair' },
  });
  ajv.addKeyword({
    keyword: JSON_OBJECT,
    type: 'object',
    schemaType: 'boolean',
    validate: (_rule: boolean, value: object) => !(value instanceof ExactNumber),
    error: { message: 'must be object' },
  });
}

import type { DataSchema, FieldError, JsonObject, JsonSchema } from '@posthorn/protocol';
import { Ajv, type Options } from 'ajv';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { compileExactly, holdsExactNumber, withDoubles } from './exact-schema.ts';

/** A compiled schema. */
export interface CompiledSchema {
  readonly jsonSchema: JsonSchema | null;
  readonly check: (data: JsonObject) => readonly FieldError[] | Promise<readonly FieldError[]>;
}

const NO_ERRORS: readonly FieldError[] = [];

/** Compiles a Standard Schema or a JSON Schema. Throws if a JSON Schema is invalid. */
export function compileSchema(schema: DataSchema | undefined): CompiledSchema {
  if (schema === undefined) return { jsonSchema: null, check: () => NO_ERRORS };
  return isStandard(schema) ? compileStandard(schema) : compileJsonSchema(schema);
}

type StandardSchema = Extract<DataSchema, { '~standard': unknown }>;

function isStandard(schema: DataSchema): schema is StandardSchema {
  return '~standard' in schema;
}

/**
 * Compiles a Standard Schema, version 1 (https://standardschema.dev). Its output is ignored: data is sent unchanged.
 */
function compileStandard(schema: StandardSchema): CompiledSchema {
  const standard = schema['~standard'];
  return {
    jsonSchema: shownSchema(standard),
    check(data) {
      // Schema libraries support only plain numbers.
      const result = standard.validate(holdsExactNumber(data) ? withDoubles(data) : data);
      return result instanceof Promise ? result.then(fieldErrors) : fieldErrors(result);
    },
  };
}

type StandardResult = Awaited<ReturnType<StandardSchema['~standard']['validate']>>;

function fieldErrors(result: StandardResult): readonly FieldError[] {
  if (!result.issues) return NO_ERRORS;
  return result.issues.map((issue) => ({
    path: pointer((issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part))),
    rule: 'code' in issue && typeof issue.code === 'string' ? issue.code : 'schema',
    message: issue.message,
  }));
}

/** Returns the JSON Schema of libraries that support Standard JSON Schema; null if they don't or can't express it. */
function shownSchema(standard: object): JsonSchema | null {
  if (!('jsonSchema' in standard)) return null;
  const { jsonSchema } = standard as { jsonSchema?: { input?: (options: { target: string }) => JsonSchema } };
  try {
    return jsonSchema?.input?.({ target: 'draft-2020-12' }) ?? null;
  } catch {
    return null;
  }
}

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;

/** Compiles a JSON Schema: 2020-12, or draft-07 if its `$schema` says so. */
function compileJsonSchema(schema: JsonSchema): CompiledSchema {
  // Its check would return a promise, which is truthy.
  if (schema['$async'] === true) throw new Error('$async schemas are not supported.');
  const validate = newAjv(schema).compile(schema);
  let exact: ReturnType<typeof compileExactly> | null = null;
  return {
    jsonSchema: schema,
    check(data) {
      if (!holdsExactNumber(data)) return validate(data) ? NO_ERRORS : (validate.errors ?? []).map(jsonSchemaError);
      // Compiled at the first such number: most schemas never get one.
      exact ??= compileExactly(newAjv(schema, { validateSchema: false }), schema);
      return exact.validate(data) ? NO_ERRORS : exact.errors().map(jsonSchemaError);
    },
  };
}

function newAjv(schema: JsonSchema, more: Options = {}): Ajv {
  const options = { allErrors: true, strict: false, ...more };
  const ajv = DRAFT_07.test(String(schema['$schema'])) ? new Ajv(options) : new Ajv2020(options);
  addFormats.default(ajv);
  return ajv;
}

/** Converts an Ajv error to a field error at the field that it concerns. */
export function jsonSchemaError({ instancePath, keyword, params, message = 'is not valid' }: ErrorObject): FieldError {
  switch (keyword) {
    case 'required':
      return { path: `${instancePath}${pointer([String(params['missingProperty'])])}`, rule: keyword, message: 'is required' };
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
      return { path: `${instancePath}${pointer([name])}`, rule: keyword, message: 'is not a known field' };
    }
    case 'enum':
      return { path: instancePath, rule: keyword, message: `must be one of ${[params['allowedValues']].flat().join(', ')}` };
    default:
      return { path: instancePath, rule: keyword, message };
  }
}

/** Returns a JSON Pointer (RFC 6901). */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escape(String(part))}`).join('');
}

function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}

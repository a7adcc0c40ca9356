import type { DataSchema, FieldError, JsonObject, JsonSchema } from '@posthorn/protocol';
import { Ajv, type Options } from 'ajv';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { compileExactly, holdsExactNumber, withDoubles } from './exact-schema.ts';

/** A schema compiled to a check. */
export interface CompiledSchema {
  readonly jsonSchema: JsonSchema | null;
  readonly check: (data: JsonObject) => readonly FieldError[] | Promise<readonly FieldError[]>;
}

const NO_ERRORS: readonly FieldError[] = [];

/** Compiles a Standard Schema or a JSON Schema. Throws where a JSON Schema is not valid. */
export function compileSchema(schema: DataSchema | undefined): CompiledSchema {
  if (schema === undefined) return { jsonSchema: null, check: () => NO_ERRORS };
  return isStandard(schema) ? compileStandard(schema) : compileJsonSchema(schema);
}

type StandardSchema = Extract<DataSchema, { '~standard': unknown }>;

function isStandard(schema: DataSchema): schema is StandardSchema {
  return '~standard' in schema;
}

/** Standard Schema, version 1 (https://standardschema.dev). Its output is left aside: the data travels as it was given. */
function compileStandard(schema: StandardSchema): CompiledSchema {
  const standard = schema['~standard'];
  return {
    jsonSchema: shownSchema(standard),
    check(data) {
      // Schema libraries know plain numbers alone.
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

/** Libraries that follow Standard JSON Schema can show themselves; what they cannot express is not shown. */
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

/** JSON Schema 2020-12, or draft-07 where it says so. */
function compileJsonSchema(schema: JsonSchema): CompiledSchema {
  // It would answer with a promise, which looks like a yes.
  if (schema['$async'] === true) throw new Error('$async schemas are not supported.');
  const validate = newAjv(schema).compile(schema);
  let exact: ReturnType<typeof compileExactly> | null = null;
  return {
    jsonSchema: schema,
    check(data) {
      if (!holdsExactNumber(data)) return validate(data) ? NO_ERRORS : (validate.errors ?? []).map(jsonSchemaError);
      // Compiled when the first such number comes: most schemas never see one.
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

/** A breach of a JSON Schema, at the field that it speaks of. */
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

/** A JSON Pointer (RFC 6901). */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escape(String(part))}`).join('');
}

function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}

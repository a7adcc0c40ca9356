import type { DataSchema, FieldError, JsonObject, JsonSchema } from '@posthorn/protocol';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

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
      const result = standard.validate(data);
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

function compileJsonSchema(schema: JsonSchema): CompiledSchema {
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  addFormats.default(ajv);
  const validate = ajv.compile(schema);
  return {
    jsonSchema: schema,
    check: (data) => (validate(data) ? NO_ERRORS : (validate.errors ?? []).map(jsonSchemaError)),
  };
}

function jsonSchemaError(error: ErrorObject): FieldError {
  const missing = error.keyword === 'required' ? `/${escape(String(error.params['missingProperty']))}` : '';
  const extra = error.keyword === 'additionalProperties' ? `/${escape(String(error.params['additionalProperty']))}` : '';
  return { path: error.instancePath + missing + extra, rule: error.keyword, message: error.message ?? 'is not valid' };
}

/** A JSON Pointer (RFC 6901). */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${escape(String(part))}`).join('');
}

function escape(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}

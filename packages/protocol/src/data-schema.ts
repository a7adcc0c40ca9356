import type { StandardSchemaV1 } from '@standard-schema/spec';

/** A JSON Schema (draft 2020-12 or draft-07), given as a plain object. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** A schema for data: any Standard Schema (zod, valibot, …) or a JSON Schema. It never changes the data. */
export type DataSchema = StandardSchemaV1 | JsonSchema;

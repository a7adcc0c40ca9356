import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { DataSchema, EventTypeDefinition, JsonObject, ProductDefinition } from '@posthorn/protocol';

/** What `data` of a schema may be; a JSON Schema says nothing to the compiler. */
type DataOf<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferInput<Schema> : JsonObject;

type EventDefinition<Schema> = Omit<EventTypeDefinition, 'schema' | 'sample'> & {
  readonly schema?: Schema;
  readonly sample: DataOf<Schema>;
};

type EventSchemas = Readonly<Record<string, DataSchema | undefined>>;

/** A definition whose samples the compiler has checked against their schemas. */
export type TypedProduct<Schemas extends EventSchemas> = Omit<ProductDefinition, 'events'> & {
  readonly events: { readonly [Name in keyof Schemas]: EventDefinition<Schemas[Name]> };
};

/**
 * Defines a product. The compiler holds every sample against its schema, and `createClient` takes event names and data
 * from the definition.
 *
 * @example
 * export default defineProduct({
 *   name: 'shop',
 *   events: {
 *     'order-paid': { description: 'An order was paid.', schema: z.object({ id: z.string() }), sample: { id: '42' } },
 *   },
 * });
 */
export function defineProduct<const Schemas extends EventSchemas>(
  definition: TypedProduct<Schemas>,
): ProductDefinition & TypedProduct<Schemas> {
  // Samples are JSON by their schema's word, which the compiler cannot follow through every schema library.
  return definition as ProductDefinition & TypedProduct<Schemas>;
}

/** Names of a product's events. */
export type EventName<Definition> = Definition extends { readonly events: infer Events } ? Extract<keyof Events, string> : string;

/** The data of one of a product's events. */
export type EventData<Definition, Name extends string> = Definition extends { readonly events: infer Events }
  ? Name extends keyof Events
    ? Events[Name] extends { readonly schema?: infer Schema }
      ? DataOf<Exclude<Schema, undefined>>
      : JsonObject
    : never
  : JsonObject;

import type { StandardSchemaV1 } from '@standard-schema/spec';
import type {
  DataSchema,
  DigestDefinition,
  EventTypeDefinition,
  JsonObject,
  ObjectChange,
  ObjectKindDefinition,
  ProductDefinition,
} from '@posthorn/protocol';

/** The type of a schema's data. A JSON Schema has no type that the compiler knows. */
type DataOf<Schema> = [Schema] extends [StandardSchemaV1] ? StandardSchemaV1.InferInput<Schema> : JsonObject;

/** Event names with their schemas; `unknown` if there is none. */
type EventSchemas = Readonly<Record<string, unknown>>;

type Events<Schemas extends EventSchemas> = {
  readonly [Name in keyof Schemas]: Omit<EventTypeDefinition, 'schema' | 'sample'> & {
    readonly schema?: Schemas[Name] & DataSchema;
    readonly sample: DataOf<Schemas[Name]>;
  };
};

/** Object kinds with their schemas. Rules name events of the product; `sample` and `data` have the schema's type. */
type Kinds<KindSchemas extends EventSchemas, Event extends string> = {
  readonly [Kind in keyof KindSchemas]: Omit<ObjectKindDefinition<Event>, 'schema' | 'sample' | 'data'> & {
    readonly schema?: KindSchemas[Kind] & DataSchema;
    readonly sample?: NoInfer<DataOf<KindSchemas[Kind]>>;
    readonly data?: (change: ObjectChange<NoInfer<KindState<KindSchemas[Kind]>>>) => object;
  };
};

type KindState<Schema> = DataOf<Schema> extends infer State extends object ? State : JsonObject;

type KnownSchema<Schema> = Schema extends DataSchema ? Schema : DataSchema;

type Ping = NonNullable<ProductDefinition['ping']>;

/** The ping's type must be a declared event, unless the product accepts any event. */
type PingType<Schemas, AnyEvent> = AnyEvent extends true ? string : Extract<keyof Schemas, string>;

/** The argument of `defineProduct`. Every sample must have its schema's type. */
export type ProductInput<
  Name extends string,
  Schemas extends EventSchemas,
  AnyEvent extends boolean,
  KindSchemas extends EventSchemas = EventSchemas,
> = Omit<ProductDefinition, 'name' | 'events' | 'anyEvent' | 'ping' | 'objects' | 'digests'> & {
  readonly name: Name;
  readonly events: Events<Schemas>;
  readonly anyEvent?: AnyEvent;
  readonly objects?: Kinds<KindSchemas, NoInfer<PingType<Schemas, AnyEvent>>>;
  readonly digests?: Readonly<
    Record<string, DigestDefinition<NoInfer<PingType<Schemas, AnyEvent>>, NoInfer<Extract<keyof KindSchemas, string>>>>
  >;
  readonly ping?: Omit<Ping, 'type'> & { readonly type: NoInfer<PingType<Schemas, AnyEvent>> };
};

/** A definition with literal names and schemas, from which `createClient` gets its types. */
export type TypedProduct<
  Name extends string,
  Schemas extends EventSchemas,
  AnyEvent extends boolean,
  KindSchemas extends EventSchemas = EventSchemas,
> = Omit<ProductDefinition, 'name' | 'events' | 'anyEvent' | 'objects'> & {
  readonly name: Name;
  readonly objects?: {
    readonly [Kind in keyof KindSchemas]: ObjectKindDefinition & { readonly schema?: KnownSchema<KindSchemas[Kind]> };
  };
  readonly events: { readonly [Type in keyof Schemas]: EventTypeDefinition & { readonly schema?: KnownSchema<Schemas[Type]> } };
  readonly anyEvent?: AnyEvent;
};

/**
 * Defines a product. The compiler checks every sample against its schema, and `createClient` gets event names and data
 * types from the definition.
 *
 * @example
 * export default defineProduct({
 *   name: 'shop',
 *   events: {
 *     'order-paid': { description: 'An order was paid.', schema: z.object({ id: z.string() }), sample: { id: '42' } },
 *   },
 *   objects: {
 *     order: { enters: { status: { paid: once('order-paid') } } },
 *   },
 * });
 */
export function defineProduct<
  const Name extends string,
  const Schemas extends EventSchemas,
  const AnyEvent extends boolean = false,
  const KindSchemas extends EventSchemas = EventSchemas,
>(definition: ProductInput<Name, Schemas, AnyEvent, KindSchemas>): TypedProduct<Name, Schemas, AnyEvent, KindSchemas> {
  // Samples and states are JSON if their schema says so, which the compiler cannot infer for every schema library.
  const unchecked: unknown = definition;
  return unchecked as TypedProduct<Name, Schemas, AnyEvent, KindSchemas>;
}

/** Anything with events: a definition or its type. */
export type AnyProduct = Pick<ProductDefinition, 'events' | 'anyEvent' | 'objects' | 'anyObject'>;

/** The event types that a product accepts. */
export type EventName<Product extends AnyProduct> =
  | Extract<keyof Product['events'], string>
  // Any name, but editors still suggest the declared ones.
  | (NonNullable<Product['anyEvent']> extends true ? string & {} : never);

/** The data of one of a product's events. */
export type EventData<Product extends AnyProduct, Name extends string> = string extends keyof Product['events']
  ? JsonObject
  : Name extends keyof Product['events']
    ? DataOf<NonNullable<Product['events'][Name]['schema']>>
    : JsonObject;

type KindsOf<Product extends AnyProduct> = NonNullable<Product['objects']>;

/** The object kinds that a product accepts. */
export type KindName<Product extends AnyProduct> = Extract<keyof KindsOf<Product>, string>;

/** The state of one of a product's object kinds. */
export type StateOf<Product extends AnyProduct, Kind extends string> = string extends keyof KindsOf<Product>
  ? JsonObject
  : Kind extends keyof KindsOf<Product>
    ? DataOf<NonNullable<KindsOf<Product>[Kind]['schema']>>
    : JsonObject;

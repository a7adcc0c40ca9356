import type {
  DataSchema,
  DeliveryPolicy,
  EmittedEvent,
  Envelope,
  EventPlace,
  FieldError,
  InboundTargetKind,
  JsonObject,
  JsonSchema,
  PingContext,
} from '@posthorn/protocol';
import type { Digests } from './load-digests.ts';
import type { ObjectKinds } from './load-objects.ts';

/** An event type, ready to check data. */
export interface EventType {
  readonly name: string;
  readonly group: string | null;
  readonly description: string;
  readonly aliases: readonly string[];
  /** null: any JSON object is accepted, or the schema cannot be shown as JSON Schema. */
  readonly jsonSchema: JsonSchema | null;
  /** As it was written. */
  readonly schema: DataSchema | undefined;
  readonly sample: JsonObject;
  /** What is wrong with the data; empty: nothing. Paths are JSON Pointers into the data. The data is not altered. */
  check(data: JsonObject): readonly FieldError[] | Promise<readonly FieldError[]>;
}

/** A loaded product definition. */
export interface Product {
  readonly name: string;
  readonly title: string;
  readonly policy: DeliveryPolicy;
  readonly envelope: Envelope;
  readonly anyEvent: boolean;
  readonly context: (type: string, data: JsonObject) => EventPlace;
  readonly accepts: (body: JsonObject) => EmittedEvent | null;
  readonly ping: { readonly type: string; readonly data: (context: PingContext) => JsonObject; readonly onCreate: boolean };
  readonly eventTypes: ReadonlyMap<string, EventType>;
  readonly objectKinds: ObjectKinds;
  readonly digests: Digests;
  readonly inbound: { readonly targets: readonly InboundTargetKind[] };
  /** By name or alias; of a product that takes any event, for every well-formed name. */
  eventType(name: string): EventType | undefined;
}

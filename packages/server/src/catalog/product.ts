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

/** A loaded event type. */
export interface EventType {
  readonly name: string;
  readonly group: string | null;
  readonly description: string;
  readonly aliases: readonly string[];
  /** null: any JSON object is accepted, or the schema cannot be shown as JSON Schema. */
  readonly jsonSchema: JsonSchema | null;
  /** The schema of the definition, not compiled. */
  readonly schema: DataSchema | undefined;
  readonly sample: JsonObject;
  /** Returns the data's errors. Paths are JSON Pointers into the data. The data is not changed. */
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
  /** Finds an event type by name or alias. A product that accepts any event has one for every valid name. */
  eventType(name: string): EventType | undefined;
}

import type { DeliveryPolicy, EmittedEvent, Envelope, EventPlace, InboundTargetKind, JsonObject, PingContext } from '@posthorn/protocol';
import type { EventType } from './event-type.ts';
import type { Digests } from './load-digests.ts';
import type { ObjectKinds } from './load-objects.ts';

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

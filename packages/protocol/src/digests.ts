import type { Json, JsonObject, Subject } from './product.ts';

/** An object that is not what it was when the last digest ran. */
export interface DigestChange {
  readonly id: string;
  /** Its state when the last digest ran, or when it was first seen after that. */
  readonly original: JsonObject;
  /** Its state now. */
  readonly current: JsonObject;
}

/** What a digest is about. */
export interface DigestContext {
  /** Of a scoped kind the scope of the objects; null: the whole organization. */
  readonly scope: string | null;
  /** The object that the scope names, where it reads `kind:id`, the product has that kind, and its state was pushed. */
  readonly about: (Subject & { readonly state: JsonObject }) | null;
}

/**
 * A daily event made from the objects of one kind that have changed since the last one: of a scoped kind one event per scope.
 * No change, no event; an object that is back where it was has not changed; a new one is what later changes are compared with.
 */
export interface DigestDefinition<Event extends string = string, Kind extends string = string> {
  /** The event type it gives. */
  readonly event: Event;
  /** The object kind it watches. */
  readonly kind: Kind;
  /** Time of day, `HH:MM`; organizations may have their own. */
  readonly at: string;
  /** IANA time zone of `at`; organizations may have their own. */
  readonly timeZone: string;
  /** What one changed object contributes; null: nothing worth telling. */
  readonly entry: (change: DigestChange) => Json | null;
  /** The event's data made of the entries. A digest too large for one event is split: then it is called once for each part. */
  readonly data: (context: DigestContext, entries: readonly Json[]) => JsonObject;
  /** The largest body of one event, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number;
}

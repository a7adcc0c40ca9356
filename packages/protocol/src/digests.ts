import type { Subject } from './subject.ts';
import type { Json, JsonObject } from './json.ts';

/** An object that has changed since the last run of the digest. */
export interface DigestChange {
  readonly id: string;
  /** Its state at the last run, or when it was first seen after that. */
  readonly original: JsonObject;
  /** Its state now. */
  readonly current: JsonObject;
}

/** What the objects of a digest event have in common. */
export interface DigestContext {
  /** The scope of the objects, if their kind is scoped; null: the whole organization. */
  readonly scope: string | null;
  /** The object that a scope of the form `kind:id` names, if the product has that kind and the object is stored. */
  readonly about: (Subject & { readonly state: JsonObject }) | null;
}

/**
 * A daily event with the objects of one kind that have changed since the last run; one per scope if the kind is scoped.
 * Without changes there is no event. An object that is back at its old state has not changed. Neither has a new object:
 * later changes are compared with its first state.
 */
export interface DigestDefinition<Event extends string = string, Kind extends string = string> {
  /** The event type that it emits. */
  readonly event: Event;
  /** The object kind whose changes it collects. */
  readonly kind: Kind;
  /** Time of day, `HH:MM`. Organizations can change it. */
  readonly at: string;
  /** IANA time zone of `at`. Organizations can change it. */
  readonly timeZone: string;
  /** Returns the entry for a changed object; null to leave it out. */
  readonly entry: (change: DigestChange) => Json | null;
  /** Builds the event's data from the entries. If a digest is too large for one event, it is called once per part. */
  readonly data: (context: DigestContext, entries: readonly Json[]) => JsonObject;
  /** The largest body of one event, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number;
}

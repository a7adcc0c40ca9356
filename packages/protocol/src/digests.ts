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
  readonly scope: string | null;
  /** The object that `about` names, with its state; null: `about` names none, or it was never pushed. */
  readonly about: (Subject & { readonly state: JsonObject }) | null;
}

/**
 * A scheduled event per scope, made from the objects of one kind that have changed since the last one.
 * No change, no event. An object that is back where it was counts as unchanged.
 */
export interface DigestDefinition {
  /** The event type it gives. */
  readonly event: string;
  /** The object kind it watches. */
  readonly kind: string;
  /** Time of day, `HH:MM`; organizations may have their own. */
  readonly at: string;
  /** IANA time zone of `at`; organizations may have their own. */
  readonly timeZone: string;
  /** The object that a scope belongs to, where there is one. */
  readonly about?: (scope: string) => Subject | null;
  /** What one changed object contributes; null: nothing worth telling. */
  readonly entry: (change: DigestChange) => Json | null;
  /** The event's data made of the entries. A digest too large for one event is split: then it is called once for each. */
  readonly data: (context: DigestContext, entries: readonly Json[]) => JsonObject;
  /** The largest body of one event, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number;
}

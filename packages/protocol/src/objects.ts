import type { Changes } from './diff.ts';
import type { DataSchema } from './data-schema.ts';
import type { JsonObject } from './json.ts';

/** An event that an object emits at most once, even if it is deleted and created again. */
export interface OnceRule<Event extends string = string> {
  readonly event: Event;
  readonly once: true;
}

/** The event type that a change emits; `once(…)` for at most once per object. */
export type EventRule<Event extends string = string> = Event | OnceRule<Event>;

/** A value that a field can be compared with. */
export type Scalar = string | number | boolean | null;

/** A condition on an object's state. Made with `field`, `present`, `everyItem`, `someItem`, `and`, `or`, `not`. */
export type Condition =
  | { readonly kind: 'field'; readonly path: string; readonly values: readonly Scalar[] }
  | { readonly kind: 'present'; readonly path: string }
  | { readonly kind: 'every-item' | 'some-item'; readonly path: string; readonly condition: Condition }
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition };

/** Emits an event when a condition becomes true. */
export interface BecomesRule<Event extends string = string> {
  readonly becomes: Condition;
  readonly event: EventRule<Event>;
}

/** A change of an object that emits an event. */
export interface ObjectChange<State extends object = JsonObject> {
  /** The type of the event. */
  readonly event: string;
  readonly kind: string;
  readonly id: string;
  readonly scope: string | null;
  /** The state before; null if the object is new. */
  readonly previous: State | null;
  /** The state now, or the last state of a deleted object. */
  readonly state: State;
  readonly deleted: boolean;
  /** The fields that differ, by name. Empty if the object is new or deleted. */
  readonly changed: Changes;
  readonly time: Date;
}

/**
 * A kind of object whose states are stored. A change emits events in this order: `created`, `updated` or `deleted`;
 * then `changes`, `enters` and `when`, each in the order of the definition. A field is named by a path such as
 * `status.value`, or by a JSON Pointer (RFC 6901) if a name has a dot: `/a.b`.
 */
export interface ObjectKindDefinition<Event extends string = string> {
  /** The schema of a state. Default: any JSON object. */
  readonly schema?: DataSchema;
  /** An example state. When the definition is loaded, the rules and `data` are tested with it. */
  readonly sample?: JsonObject;
  /** Whether the scope is part of the identity: an id in two scopes is two objects. Every call then needs the scope. */
  readonly scoped?: boolean;
  /** Emitted if the object is new. If it is a `once` event that was emitted before, `updated` applies instead. */
  readonly created?: EventRule<Event>;
  /** Emitted if any field differs. */
  readonly updated?: EventRule<Event>;
  readonly deleted?: EventRule<Event>;
  /** Emitted if the field of an existing object differs. */
  readonly changes?: Readonly<Record<string, EventRule<Event>>>;
  /** Emitted if a field gets the value: `{ status: { signed: 'deal-signed' } }`. A new object enters all its values. */
  readonly enters?: Readonly<Record<string, Readonly<Record<string, EventRule<Event>>>>>;
  /** Emitted if a condition becomes true. For a new object, every condition was false before. */
  readonly when?: readonly BecomesRule<Event>[];
  /** Returns the event's data. Default: the state. */
  readonly data?: (change: ObjectChange) => JsonObject;
}

/**
 * Returns a rule for an event that an object emits at most once.
 *
 * @example
 * created: once('deal-created')
 */
export function once<const Event extends string>(event: Event): OnceRule<Event> {
  return { event, once: true };
}

/** True if the field has one of the values. */
export function field(path: string, ...values: readonly Scalar[]): Condition {
  return { kind: 'field', path, values };
}

/** True if the field exists and is not null. */
export function present(path: string): Condition {
  return { kind: 'present', path };
}

/**
 * True if the field is a non-empty list and the condition is true for every item. Its paths start at the item.
 *
 * @example
 * when: [{ becomes: everyItem('parties', field('signed', true)), event: once('deal-signed') }]
 */
export function everyItem(path: string, condition: Condition): Condition {
  return { kind: 'every-item', path, condition };
}

/** True if the field is a list and the condition is true for at least one item. */
export function someItem(path: string, condition: Condition): Condition {
  return { kind: 'some-item', path, condition };
}

/** True if all conditions are true. */
export function and(...conditions: readonly Condition[]): Condition {
  return { kind: 'and', conditions };
}

/** True if at least one condition is true. */
export function or(...conditions: readonly Condition[]): Condition {
  return { kind: 'or', conditions };
}

/** True if the condition is false. */
export function not(condition: Condition): Condition {
  return { kind: 'not', condition };
}

/** Splits a field path into its names. */
export function fieldPath(path: string): string[] {
  if (!path.startsWith('/')) return path.split('.');
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

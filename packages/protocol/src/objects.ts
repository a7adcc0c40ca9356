import type { Changes } from './diff.ts';
import type { DataSchema, JsonObject } from './product.ts';

/** An event that an object gives at most once, for ever: also when it is deleted and comes again. */
export interface OnceRule<Event extends string = string> {
  readonly event: Event;
  readonly once: true;
}

/** The event type that a change gives; `once(…)` for at most once per object. */
export type EventRule<Event extends string = string> = Event | OnceRule<Event>;

/** A value that a field may be compared with. */
export type Scalar = string | number | boolean | null;

/** Something that is true or false of an object's state. Made with `field`, `present`, `everyItem`, `someItem`, `and`, `or`, `not`. */
export type Condition =
  | { readonly kind: 'field'; readonly path: string; readonly values: readonly Scalar[] }
  | { readonly kind: 'present'; readonly path: string }
  | { readonly kind: 'every-item' | 'some-item'; readonly path: string; readonly condition: Condition }
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition };

/** An event for the moment in which a condition becomes true. */
export interface BecomesRule<Event extends string = string> {
  readonly becomes: Condition;
  readonly event: EventRule<Event>;
}

/** A change of an object that gives an event. */
export interface ObjectChange<State extends object = JsonObject> {
  /** The event type that it gives. */
  readonly event: string;
  readonly kind: string;
  readonly id: string;
  readonly scope: string | null;
  /** The state before; null: the object is new. */
  readonly previous: State | null;
  /** The state now; of a deleted object its last one. */
  readonly state: State;
  readonly deleted: boolean;
  /** Fields that differ, by name. Empty where the object is new or deleted. */
  readonly changed: Changes;
  readonly time: Date;
}

/**
 * A kind of object whose states a product pushes. Its rules say which events follow from a change, in this order:
 * created, updated or deleted; then `changes`, `enters` and `when`, each as written.
 *
 * Fields are named by their path: `status`, `status.value`; or by a JSON Pointer (RFC 6901) where a name holds a dot: `/a.b`.
 */
export interface ObjectKindDefinition<Event extends string = string> {
  /** What a state must satisfy. Absent: any JSON object. */
  readonly schema?: DataSchema;
  /** An example state; rules and `data` are tried out with it when the definition is loaded. */
  readonly sample?: JsonObject;
  /** The scope is part of the identity: the same id in two scopes is two objects, and every call names the scope. */
  readonly scoped?: boolean;
  /** The object was not there. Where it is a `once` that has been given already, `updated` applies instead. */
  readonly created?: EventRule<Event>;
  /** Any field differs. */
  readonly updated?: EventRule<Event>;
  readonly deleted?: EventRule<Event>;
  /** A field of an object that was there differs. */
  readonly changes?: Readonly<Record<string, EventRule<Event>>>;
  /** A field has a value that it did not have before: `{ status: { signed: 'deal-signed' } }`. A new object enters what it has. */
  readonly enters?: Readonly<Record<string, Readonly<Record<string, EventRule<Event>>>>>;
  /** A condition is true that was not before. A new object is compared with nothing, of which nothing is true. */
  readonly when?: readonly BecomesRule<Event>[];
  /** The event's data. Default: the state. */
  readonly data?: (change: ObjectChange) => JsonObject;
}

/**
 * An event that an object gives at most once.
 *
 * @example
 * created: once('deal-created')
 */
export function once<const Event extends string>(event: Event): OnceRule<Event> {
  return { event, once: true };
}

/** The field has one of the values. */
export function field(path: string, ...values: readonly Scalar[]): Condition {
  return { kind: 'field', path, values };
}

/** The field is there and not null. */
export function present(path: string): Condition {
  return { kind: 'present', path };
}

/**
 * The field is a list that is not empty, and the condition holds for each item: paths inside it start at the item.
 *
 * @example
 * when: [{ becomes: everyItem('parties', field('signed', true)), event: once('deal-signed') }]
 */
export function everyItem(path: string, condition: Condition): Condition {
  return { kind: 'every-item', path, condition };
}

/** The field is a list, and the condition holds for one item at least. */
export function someItem(path: string, condition: Condition): Condition {
  return { kind: 'some-item', path, condition };
}

/** All of the conditions hold. */
export function and(...conditions: readonly Condition[]): Condition {
  return { kind: 'and', conditions };
}

/** One of the conditions holds at least. */
export function or(...conditions: readonly Condition[]): Condition {
  return { kind: 'or', conditions };
}

/** The condition does not hold. */
export function not(condition: Condition): Condition {
  return { kind: 'not', condition };
}

/** The names that a field path goes through. */
export function fieldPath(path: string): string[] {
  if (!path.startsWith('/')) return path.split('.');
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

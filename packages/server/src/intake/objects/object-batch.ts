import {
  diffFields,
  parseJson,
  PosthornError,
  type Changes,
  type FieldError,
  type JsonObject,
  type ObjectChange,
} from '@posthorn/protocol';
import type { ObjectKind, Rule } from '../../catalog/object-kind.ts';
import type { ObjectName, ObjectRow, ObjectWrite } from '../../store/objects.ts';
import { newId } from '../../ids/uuid-time.ts';
import { callProduct } from '../call-product.ts';
import type { CommittedEvent } from '../event-commit.ts';
import { eventsOf, type Transition } from './lifecycle.ts';
import { mergePatch } from './merge-patch.ts';
import type { ObjectOutcome, ObjectRequest, RefusedGroup, StoredObject } from './object-request.ts';

/** An object's state before its first change in the batch and after its last. */
export interface ObjectEdit {
  /** The first request that changed it. */
  readonly request: ObjectRequest;
  readonly scopeKey: string;
  readonly before: JsonObject | null;
  readonly after: JsonObject | null;
}

/** An object's working state during a batch. */
interface Working {
  readonly name: ObjectName;
  readonly row: ObjectRow | null;
  first: ObjectRequest | null;
  scope: string | null;
  state: JsonObject | null;
  /** The state as JSON, if it was serialized already. */
  text: string | undefined;
  before: JsonObject | null;
  version: number;
  given: ReadonlySet<string>;
  createdAt: Date;
  updatedAt: Date;
  changed: boolean;
}

/** Returns the name of the request's object. */
export function nameOf({ tenant, kind, id, scope }: Pick<ObjectRequest, 'tenant' | 'kind' | 'id' | 'scope'>): ObjectName {
  return { organizationKey: tenant.organization.key, kind: kind.name, scopeKey: kind.scoped ? (scope ?? '') : '', id };
}

/** Returns a name as a map key. A scope may contain spaces, so its length is part of the key. */
export function keyOf({ organizationKey, kind, scopeKey, id }: ObjectName): string {
  return `${organizationKey} ${kind} ${scopeKey.length} ${scopeKey} ${id}`;
}

/** Computes a batch in memory: each request sees the results of those before it. Nothing is stored here. */
export class ObjectBatch {
  readonly events: CommittedEvent[] = [];
  readonly #objects = new Map<string, Working>();
  readonly #now: number;

  constructor(rows: readonly ObjectRow[], now: number) {
    this.#now = now;
    for (const row of rows) {
      const name = { organizationKey: row.organization_key, kind: row.kind, scopeKey: row.scope_key, id: row.id };
      this.#objects.set(keyOf(name), workingOf(name, row, new Date(now)));
    }
  }

  /** Returns a PosthornError and changes nothing if the request is rejected. */
  async apply(request: ObjectRequest): Promise<ObjectOutcome | PosthornError> {
    const name = nameOf(request);
    const key = keyOf(name);
    const object = this.#objects.get(key) ?? workingOf(name, null, new Date(this.#now));
    const refusal = expectationProblem(object, request.expected);
    if (refusal) return refusal;
    const next = await nextState(object, request);
    if (next instanceof PosthornError) return next;
    this.#objects.set(key, object);
    return this.#change(object, request, next);
  }

  /** Applies all requests or none: if one is rejected, the batch is restored to its state before the first. */
  async applyGroup(requests: readonly ObjectRequest[]): Promise<readonly ObjectOutcome[] | RefusedGroup> {
    // A single rejected request has changed nothing.
    const undo = requests.length > 1 ? this.#savepoint(requests) : () => {};
    const outcomes: ObjectOutcome[] = [];
    for (const [index, request] of requests.entries()) {
      const outcome = await this.apply(request);
      if (outcome instanceof PosthornError) {
        undo();
        return { error: outcome, index };
      }
      outcomes.push(outcome);
    }
    return outcomes;
  }

  /** Returns a function that restores the objects of these requests and drops the events added since. */
  #savepoint(requests: readonly ObjectRequest[]): () => void {
    const eventCount = this.events.length;
    const saved = new Map<string, Working | null>();
    for (const request of requests) {
      const key = keyOf(nameOf(request));
      const object = this.#objects.get(key);
      saved.set(key, object ? { ...object } : null);
    }
    return () => {
      this.events.length = eventCount;
      for (const [key, object] of saved) {
        if (object) this.#objects.set(key, object);
        else this.#objects.delete(key);
      }
    };
  }

  /** Returns the rows to insert. */
  inserted(): ObjectWrite[] {
    return this.#written().flatMap((object) => (object.row === null ? writeOf(object) : []));
  }

  /** Returns the rows to update. */
  updated(): ObjectWrite[] {
    return this.#written().flatMap((object) => (object.row === null ? [] : writeOf(object)));
  }

  /** Returns the objects that the batch has changed. */
  edits(): ObjectEdit[] {
    return this.#written().flatMap(({ name, first, before, state }) =>
      first ? { request: first, scopeKey: name.scopeKey, before, after: state } : [],
    );
  }

  #written(): Working[] {
    return [...this.#objects.values()].filter(({ changed }) => changed);
  }

  async #change(object: Working, request: ObjectRequest, next: JsonObject | null): Promise<ObjectOutcome | PosthornError> {
    const previous = object.state;
    const scope = request.scope === undefined ? object.scope : request.scope;
    const changed = previous !== null && next !== null ? diffFields(previous, next) : {};
    const unchanged = previous !== null && next !== null && Object.keys(changed).length === 0;
    if (unchanged && scope === object.scope) return { object: shown(object, previous), created: false, events: [] };
    const rules = unchanged ? [] : eventsOf(request.kind.rules, transitionOf(previous, next, changed), object.given);
    const change = {
      kind: request.kind.name,
      id: request.id,
      scope,
      previous,
      state: next ?? previous ?? {},
      deleted: next === null,
      changed,
    };
    const events = await this.#events(request, rules, change);
    if (events instanceof PosthornError) return events;
    const once = rules.filter((rule) => rule.once).map((rule) => rule.type.name);
    const now = new Date(this.#now);
    if (once.length > 0) object.given = new Set([...object.given, ...once]);
    if (previous === null) object.createdAt = now;
    object.first ??= request;
    object.scope = scope;
    object.state = next;
    object.text = request.action.kind === 'put' ? request.action.text : undefined;
    object.version++;
    object.updatedAt = now;
    object.changed = true;
    this.events.push(...events);
    return {
      object: shown(object, next ?? previous ?? {}),
      created: previous === null,
      events: events.map(({ id = '', type }) => ({ id, type })),
    };
  }

  async #events(
    { tenant, kind, sender }: ObjectRequest,
    rules: readonly Rule[],
    change: Omit<ObjectChange, 'event' | 'time'>,
  ): Promise<CommittedEvent[] | PosthornError> {
    const events: CommittedEvent[] = [];
    for (const { type, checked } of rules) {
      const data = callProduct(() => kind.data({ ...change, event: type.name, time: new Date(this.#now) }));
      const result = checked ? type.check(data) : [];
      const errors = result instanceof Promise ? await result : result;
      if (errors.length > 0) return unfitData(kind, type.name, errors);
      events.push({
        organizationKey: tenant.organization.key,
        id: newId(this.#now),
        type: type.name,
        data,
        scope: change.scope,
        subject: { kind: change.kind, id: change.id },
        sender,
      });
    }
    return events;
  }
}

function workingOf(name: ObjectName, row: ObjectRow | null, now: Date): Working {
  const text = row?.state ?? null;
  const state = text === null ? null : (parseJson(text) as JsonObject);
  return {
    name,
    row,
    first: null,
    scope: row?.scope ?? null,
    state,
    text: undefined,
    before: state,
    version: row?.version ?? 0,
    given: new Set(row?.given),
    createdAt: row?.created_at ?? now,
    updatedAt: row?.updated_at ?? now,
    changed: false,
  };
}

function writeOf({ name, scope, state, text, version, given, createdAt, updatedAt }: Working): ObjectWrite {
  const written = state === null ? null : (text ?? JSON.stringify(state));
  return { ...name, scope, state: written, version, given: [...given], createdAt, updatedAt };
}

function expectationProblem({ state, version }: Working, expected: ObjectRequest['expected']): PosthornError | null {
  if (expected === null) return null;
  if (expected === 'none') {
    return state === null ? null : new PosthornError('version_mismatch', `The object already exists, in version ${version}.`);
  }
  if (state === null) return new PosthornError('version_mismatch', 'The object does not exist.');
  if (expected === 'some' || version === expected) return null;
  return new PosthornError('version_mismatch', `The object is in version ${version}, but version ${expected} was expected.`);
}

/** Returns the state after the request; null: deleted. */
async function nextState({ state }: Working, { action, kind, id }: ObjectRequest): Promise<JsonObject | null | PosthornError> {
  if (action.kind === 'put') return action.state;
  if (state === null) return new PosthornError('not_found', `There is no ${kind.name} ${JSON.stringify(id)} in this organization.`);
  if (action.kind === 'delete') return null;
  const next = mergePatch(state, action.patch);
  const errors = await kind.check(next);
  return errors.length > 0 ? unfitState(kind, errors) : next;
}

function transitionOf(previous: JsonObject | null, next: JsonObject | null, changed: Changes): Transition {
  if (next === null) return { kind: 'deleted' };
  return previous === null ? { kind: 'created', state: next } : { kind: 'updated', previous, state: next, changed };
}

function shown({ name, scope, version, createdAt, updatedAt }: Working, state: JsonObject): StoredObject {
  return { kind: name.kind, id: name.id, scope, state, version, createdAt, updatedAt };
}

/** Returns the error of a state that doesn't match its kind's schema. */
export function unfitState(kind: ObjectKind, errors: readonly FieldError[]): PosthornError {
  return new PosthornError('invalid_state', `The state is not a valid ${kind.name}.`, {
    errors: errors.map((error) => ({ ...error, path: `/state${error.path}` })),
  });
}

function unfitData(kind: ObjectKind, type: string, errors: readonly FieldError[]): PosthornError {
  return new PosthornError('invalid_state', `The state of the ${kind.name} results in an invalid ${type} event.`, {
    errors: errors.map((error) => ({ ...error, path: `/state${error.path}`, message: `${error.message} (in the event ${type})` })),
  });
}

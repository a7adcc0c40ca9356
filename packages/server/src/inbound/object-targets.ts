import { ExactNumber, PosthornError, type FieldError, type JsonObject } from '@posthorn/protocol';
import type { InboundObject, InboundObjects } from './inbound-objects.ts';
import type { AcceptedPost, TargetKind, TargetPost } from './target-kind.ts';

/** Maximum number of objects per post. */
export const MAX_OBJECTS = 1_000;
const MAX_ERRORS = 50;
/** The API's limit. */
const MAX_ID_LENGTH = 255;
const MODEL_KIND = 'model';
const SCORE_KIND = 'score';

/** The inbound target of a model: current scores become objects of the kind `score` in the model's scope. */
export function modelTarget(objects: InboundObjects): TargetKind {
  return {
    kind: 'model',
    forms: false,
    queued: () => objects.queued,
    async find(tenant, targetId) {
      if (!objects.hasKind(tenant, MODEL_KIND) || !objects.hasKind(tenant, SCORE_KIND)) return { state: 'missing' };
      const state = await objects.find(tenant, { kind: MODEL_KIND, id: targetId });
      return state === 'missing' ? { state } : { state, name: targetId };
    },
    apply: (post) => upsertAll(objects, post, (item) => ({ kind: SCORE_KIND, ...scoreOf(item), scope: `model:${post.targetId}` })),
  };
}

/**
 * The inbound target of an object kind. The target's id is the kind's name; each item is an object's state with its
 * `id`.
 */
export function objectsTarget(objects: InboundObjects): TargetKind {
  return {
    kind: 'objects',
    forms: false,
    queued: () => objects.queued,
    async find(tenant, targetId) {
      return objects.hasKind(tenant, targetId) ? { state: 'found', name: targetId } : { state: 'missing' };
    },
    apply: (post) => upsertAll(objects, post, (item) => ({ kind: post.targetId, id: idOf(item.id), scope: null, state: item })),
  };
}

type Id = string | number | ExactNumber;
type Item = JsonObject & { id: Id };

/**
 * Converts a score to its state. A score may have its company's fields at the top level, `{id, name, features, groups,
 * total}`, or in `object` like the state, `{id, object, features, …}`.
 */
function scoreOf({ id, ...rest }: Item): { id: string; state: JsonObject } {
  const own = idOf(id);
  if (isObject(rest['object'])) return { id: own, state: { ...rest, object: { ...rest['object'], id: own } } };
  const { features, groups, total, ...columns } = rest;
  const given = { features, groups, total };
  const scores = Object.fromEntries(Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  return { id: own, state: { object: { id: own, ...columns }, ...scores } };
}

async function upsertAll(
  objects: InboundObjects,
  { tenant, body }: TargetPost,
  toObject: (item: Item) => InboundObject,
): Promise<AcceptedPost | PosthornError> {
  const items = Array.isArray(body) ? (body as unknown[]) : [body];
  const errors: FieldError[] = [];
  if (items.length === 0) errors.push({ path: '', rule: 'min_items', message: 'must contain at least one object' });
  if (items.length > MAX_OBJECTS) return refused([{ path: '', rule: 'max_items', message: `must contain at most ${MAX_OBJECTS} objects` }]);
  const wanted: InboundObject[] = [];
  for (const [index, item] of items.entries()) {
    const path = Array.isArray(body) ? `/${index}` : '';
    const problem = itemProblem(item, path);
    if (problem) {
      errors.push(problem);
      continue;
    }
    const object = toObject(item as Item);
    wanted.push(object);
    for (const error of await objects.check(tenant, object)) errors.push({ ...error, path: path + error.path });
  }
  if (errors.length > 0) return refused(errors);
  const stored = await objects.upsert(tenant, wanted);
  if ('error' in stored) return refusedByRules(stored.error, Array.isArray(body) ? `/${stored.index}` : '');
  const { created } = stored;
  return { status: created > 0 ? 201 : 200, body: { objects: wanted.length, created }, logged: false };
}

/**
 * Maps errors of resulting events, which can be invalid even if the state is valid, to the fields that the caller sent.
 */
function refusedByRules(error: PosthornError, path: string): PosthornError {
  if (error.code !== 'invalid_state') return error;
  const errors = error.errors.map((one) => ({ ...one, path: path + one.path.replace(/^\/state/, '') }));
  return refused(errors.length > 0 ? errors : [{ path, rule: 'storable', message: 'contains a value that cannot be stored' }]);
}

function itemProblem(item: unknown, path: string): FieldError | null {
  if (!isObject(item)) return { path, rule: 'type', message: 'must be an object with an id' };
  const { id } = item;
  if (id === undefined || id === null) return { path: `${path}/id`, rule: 'required', message: 'is required' };
  if (typeof id === 'number' || id instanceof ExactNumber) return null;
  if (typeof id !== 'string' || id === '') return { path: `${path}/id`, rule: 'type', message: 'must be a non-empty string or a number' };
  if (id.length > MAX_ID_LENGTH) return { path: `${path}/id`, rule: 'maxLength', message: `must have at most ${MAX_ID_LENGTH} characters` };
  if (id.isWellFormed() && !id.includes('\u0000')) return null;
  return { path: `${path}/id`, rule: 'text', message: 'must not contain NUL or half of a surrogate pair' };
}

function refused(errors: readonly FieldError[]): PosthornError {
  const [first] = errors;
  const detail = first ? `${first.path === '' ? 'The body' : first.path} ${first.message}.` : 'The data was not in the correct format.';
  return new PosthornError('inbound_data', detail, { errors: errors.slice(0, MAX_ERRORS) });
}

function idOf(id: Id): string {
  return String(id);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

import { diffFields, type Json, type JsonObject } from '@posthorn/sdk';

/** A date that is set when the status becomes a certain value. It appears only in `before` and `after`. */
export interface Transition {
  readonly field: string;
  readonly status: string;
}

/** The dates of transitions. */
const TRANSITION_DATES = new Set(['completed_at', 'published_at']);

/** Changes with every edit, so it is left out. */
const ALWAYS_CHANGING = 'updated_at';

/**
 * Adds `before` and `after` to the state: the changed fields, with the same keys in both. Their dates are text such as
 * `2022-05-04 17:55:39 UTC`; the state's own dates are seconds since the epoch.
 */
export function withTransition(previous: object, state: object, transition: Transition): JsonObject {
  const states = { previous: previous as JsonObject, state: state as JsonObject };
  const changes = Object.entries(diffFields(...views(states, transition)));
  return {
    ...withoutTransitionDates(state),
    before: Object.fromEntries(changes.map(([name, { before }]) => [name, shown(name, before)])),
    after: Object.fromEntries(changes.map(([name, { after }]) => [name, shown(name, after)])),
  };
}

/** Returns the state without the dates of its transitions. */
export function withoutTransitionDates(state: object): JsonObject {
  return Object.fromEntries(Object.entries(state as JsonObject).filter(([name]) => !TRANSITION_DATES.has(name)));
}

/** Returns the states to compare. If the state has no transition date, it is the time of the update of the status. */
function views(states: { previous: JsonObject; state: JsonObject }, { field, status }: Transition): [JsonObject, JsonObject] {
  const { previous, state } = states;
  const isPushed = field in previous || field in state;
  const isEntered = hasStatus(previous, status) !== hasStatus(state, status);
  const view = (one: JsonObject): JsonObject => {
    const { [ALWAYS_CHANGING]: updatedAt = null, ...rest } = one;
    if (isPushed) return { ...rest, [field]: one[field] ?? null };
    return isEntered ? { ...rest, [field]: hasStatus(one, status) ? updatedAt : null } : rest;
  };
  return [view(previous), view(state)];
}

function hasStatus({ status }: JsonObject, value: string): boolean {
  return typeof status === 'object' && status !== null && 'value' in status && status.value === value;
}

function shown(name: string, value: Json | undefined): Json {
  if (typeof value !== 'number' || !/_(?:at|date)$/.test(name)) return value ?? null;
  return `${new Date(value * 1_000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

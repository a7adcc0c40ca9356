import type { FieldError, GoalColour, GoalDirection, GoalUpdated } from '@posthorn/protocol';
import type { SentPoint, SentThresholds } from './goal-post.ts';
import { dateIn } from './point-date.ts';
import { colourOf, thresholdErrors, type Thresholds } from './thresholds.ts';

export interface DatedValue {
  readonly date: string;
  readonly value: string;
}

/** A goal with the points that the next post needs. */
export interface GoalState {
  readonly id: string;
  readonly name: string;
  readonly direction: GoalDirection;
  /** The goal's own time zone; null: it uses the organization's. */
  readonly ownTimeZone: string | null;
  readonly timeZone: string;
  readonly thresholds: Thresholds;
  /** Values by date: at least for the dates of the post. */
  readonly values: ReadonlyMap<string, string>;
  readonly latest: DatedValue | null;
}

export interface PointResult extends DatedValue {
  readonly colour: GoalColour | null;
  /** `unchanged`: the stored value was the same, and no threshold changed. */
  readonly result: 'created' | 'replaced' | 'unchanged';
}

export interface AppliedPost {
  readonly state: GoalState;
  readonly results: readonly PointResult[];
  /** One update for each point that changed something. */
  readonly updates: readonly GoalUpdated[];
}

/** Applies points in order, all or none. Returns the errors of all fields. */
export function applyPoints(state: GoalState, points: readonly SentPoint[]): AppliedPost | { readonly errors: readonly FieldError[] } {
  const errors = orderErrors(state, points);
  const dates = points.map((point) => dateIn(point.date, state.timeZone));
  points.forEach(({ path }, index) => {
    if (dates[index] === null) errors.push({ path: `${path}/date`, rule: 'date', message: 'must be in the years 0001 to 9999' });
  });
  if (errors.length > 0) return { errors };
  let current = state;
  const values = new Map(state.values);
  const results: PointResult[] = [];
  const updates: GoalUpdated[] = [];
  points.forEach((point, index) => {
    const { value } = point;
    const date = dates[index] ?? '';
    const thresholds = { good: point.good ?? current.thresholds.good, bad: point.bad ?? current.thresholds.bad };
    const previous = values.get(date) ?? null;
    const latest = current.latest === null || date >= current.latest.date ? { date, value } : current.latest;
    const next: GoalState = { ...current, thresholds, latest, values };
    values.set(date, value);
    const changed = previous !== value || !sameThresholds(current.thresholds, thresholds);
    const colour = colourOf(value, thresholds, state.direction);
    results.push({ date, value, colour, result: previous === null ? 'created' : changed ? 'replaced' : 'unchanged' });
    if (changed) updates.push(goalUpdate(current, next, { date, value, previousValue: previous, colour }));
    current = next;
  });
  return { state: current, results, updates };
}

/**
 * Returns the errors of a post's thresholds. Each point is checked against the thresholds after the points before it.
 */
export function orderErrors({ thresholds, direction }: GoalState, points: readonly SentThresholds[]): FieldError[] {
  const errors: FieldError[] = [];
  let current = thresholds;
  for (const { path, good, bad } of points) {
    if (good === undefined && bad === undefined) continue;
    current = { good: good ?? current.good, bad: bad ?? current.bad };
    errors.push(...thresholdErrors(current, direction, { good: good !== undefined, bad: bad !== undefined, path }));
  }
  return errors;
}

/** Returns the data of a `goal.updated` event. */
export function goalUpdate(before: GoalState, after: GoalState, point: GoalUpdated['point']): GoalUpdated {
  return {
    goal: { id: after.id, name: after.name, direction: after.direction, timeZone: after.ownTimeZone },
    point,
    colour: { before: goalColour(before), after: goalColour(after) },
    thresholds: { before: { ...before.thresholds }, after: { ...after.thresholds } },
  };
}

/** Returns the colour of the goal's latest point; null: the goal has no point or no threshold. */
export function goalColour({ latest, thresholds, direction }: GoalState): GoalColour | null {
  return latest === null ? null : colourOf(latest.value, thresholds, direction);
}

export function sameThresholds(one: Thresholds, other: Thresholds): boolean {
  return one.good === other.good && one.bad === other.bad;
}

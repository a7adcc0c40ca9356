import type { FieldError, GoalColour, GoalDirection, GoalUpdated } from '@posthorn/protocol';
import type { SentPoint, SentThresholds } from './goal-post.ts';
import { dateIn } from './point-date.ts';
import { colourOf, thresholdErrors, type Thresholds } from './thresholds.ts';

export interface DatedValue {
  readonly date: string;
  readonly value: string;
}

/** A goal with what of its points the next post needs. */
export interface GoalState {
  readonly id: string;
  readonly name: string;
  readonly direction: GoalDirection;
  /** Its own; null: the organization's. */
  readonly ownTimeZone: string | null;
  readonly timeZone: string;
  readonly thresholds: Thresholds;
  /** Values by date: at least those of the dates in question. */
  readonly values: ReadonlyMap<string, string>;
  readonly latest: DatedValue | null;
}

export interface PointResult extends DatedValue {
  readonly colour: GoalColour | null;
  /** `unchanged`: the same value was there, and no threshold changed. */
  readonly result: 'created' | 'replaced' | 'unchanged';
}

export interface AppliedPost {
  readonly state: GoalState;
  readonly results: readonly PointResult[];
  /** One for each point that changed something. */
  readonly updates: readonly GoalUpdated[];
}

/** Applies points in order; all or none. Answers every field that breaks a rule. */
export function applyPoints(state: GoalState, points: readonly SentPoint[]): AppliedPost | { readonly errors: readonly FieldError[] } {
  const errors = orderErrors(state, points);
  const dates = points.map((point) => dateIn(point.date, state.timeZone));
  points.forEach(({ path }, index) => {
    if (dates[index] === null) errors.push({ path: `${path}/date`, rule: 'date', message: 'must lie in the years 0001 to 9999' });
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

/** What of a post's thresholds would not fit, point by point, each against what the points before it leave. */
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

/** The data of a `goal.updated` event. */
export function goalUpdate(before: GoalState, after: GoalState, point: GoalUpdated['point']): GoalUpdated {
  return {
    goal: { id: after.id, name: after.name, direction: after.direction, timeZone: after.ownTimeZone },
    point,
    colour: { before: goalColour(before), after: goalColour(after) },
    thresholds: { before: { ...before.thresholds }, after: { ...after.thresholds } },
  };
}

/** A goal has the colour of its latest point; null: it has no point, or no threshold. */
export function goalColour({ latest, thresholds, direction }: GoalState): GoalColour | null {
  return latest === null ? null : colourOf(latest.value, thresholds, direction);
}

export function sameThresholds(one: Thresholds, other: Thresholds): boolean {
  return one.good === other.good && one.bad === other.bad;
}

import type { FieldError, GoalColour, GoalDirection } from '@posthorn/protocol';
import { compareDecimals } from './decimal.ts';

/** Thresholds as decimal strings; null: not set. */
export interface Thresholds {
  readonly good: string | null;
  readonly bad: string | null;
}

/** Returns `green` at or beyond good, `red` at or beyond bad, otherwise `amber`. null: no threshold is set. */
export function colourOf(value: string, { good, bad }: Thresholds, direction: GoalDirection): GoalColour | null {
  if (good === null && bad === null) return null;
  const sign = direction === 'maximize' ? 1 : -1;
  if (good !== null && compareDecimals(value, good) * sign >= 0) return 'green';
  if (bad !== null && compareDecimals(value, bad) * sign <= 0) return 'red';
  return 'amber';
}

/** Whether good ≥ bad (maximize) or good ≤ bad (minimize). A single threshold always fits. */
export function thresholdsFit({ good, bad }: Thresholds, direction: GoalDirection): boolean {
  if (good === null || bad === null) return true;
  const order = compareDecimals(good, bad);
  return direction === 'maximize' ? order >= 0 : order <= 0;
}

/**
 * Returns an error for each given field of new thresholds that don't fit. `given` says which thresholds were sent; the
 * others are the stored ones.
 */
export function thresholdErrors(
  wanted: Thresholds,
  direction: GoalDirection,
  given: { readonly good: boolean; readonly bad: boolean; readonly path: string },
): FieldError[] {
  if (thresholdsFit(wanted, direction)) return [];
  const [least, most] = direction === 'maximize' ? ['at least', 'at most'] : ['at most', 'at least'];
  const stored = (side: boolean): string => (side ? '' : 'the stored ');
  const errors: FieldError[] = [];
  const rule = 'threshold_order';
  const why = `because the goal is to ${direction}`;
  if (given.good) {
    const message = `must be ${least} ${stored(given.bad)}badThreshold (${wanted.bad}), ${why}`;
    errors.push({ path: `${given.path}/goodThreshold`, rule, message });
  }
  if (given.bad) {
    const message = `must be ${most} ${stored(given.good)}goodThreshold (${wanted.good}), ${why}`;
    errors.push({ path: `${given.path}/badThreshold`, rule, message });
  }
  return errors;
}

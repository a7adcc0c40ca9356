import type { FieldError, GoalColour, GoalDirection } from '@posthorn/protocol';
import { compareDecimals } from './decimal.ts';

/** Decimals as text; null: none. */
export interface Thresholds {
  readonly good: string | null;
  readonly bad: string | null;
}

/** `green` at or past good, `red` at or past bad, `amber` otherwise. null: there is no threshold. */
export function colourOf(value: string, { good, bad }: Thresholds, direction: GoalDirection): GoalColour | null {
  if (good === null && bad === null) return null;
  const sign = direction === 'maximize' ? 1 : -1;
  if (good !== null && compareDecimals(value, good) * sign >= 0) return 'green';
  if (bad !== null && compareDecimals(value, bad) * sign <= 0) return 'red';
  return 'amber';
}

/** Maximize: good ≥ bad; minimize: good ≤ bad; equal is right. One alone is always right. */
export function thresholdsFit({ good, bad }: Thresholds, direction: GoalDirection): boolean {
  if (good === null || bad === null) return true;
  const order = compareDecimals(good, bad);
  return direction === 'maximize' ? order >= 0 : order <= 0;
}

/**
 * What is wrong with thresholds that are to be: the fields that were given, each named. `given` says which of them were sent;
 * the others are the stored ones.
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

import type { GoalRow } from '../store/goals.ts';
import type { KnownPointRow } from '../store/goals-posting.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { GoalState } from './goal-update.ts';

/** Returns the goal's own time zone, else the organization's, else UTC. */
export function zoneOf(goal: Pick<GoalRow, 'time_zone'>, tenant: Tenant): string {
  return goal.time_zone ?? tenant.organization.timeZone ?? 'UTC';
}

/**
 * Converts a stored goal for the rules. `known`: points read separately; without them, the row's latest point is used.
 */
export function goalState(
  row: GoalRow,
  tenant: Tenant,
  known: readonly Pick<KnownPointRow, 'date' | 'value' | 'latest'>[] = [],
): GoalState {
  const { latest_date: date, latest_value: value } = row;
  const ofRow = date === null || value === null ? null : { date, value };
  return {
    id: row.id,
    name: row.name,
    direction: row.direction,
    ownTimeZone: row.time_zone,
    timeZone: zoneOf(row, tenant),
    thresholds: { good: row.good_threshold, bad: row.bad_threshold },
    values: new Map(known.map((point) => [point.date, point.value])),
    latest: known.find((point) => point.latest) ?? ofRow,
  };
}

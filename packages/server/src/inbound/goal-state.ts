import type { GoalRow } from '../store/goals.ts';
import type { KnownPointRow } from '../store/goals-posting.ts';
import type { Tenant } from '../tenancy/directory.ts';
import type { GoalState } from './goal-update.ts';

/** The goal's own time zone, or the organization's, or UTC. */
export function zoneOf(goal: Pick<GoalRow, 'time_zone'>, tenant: Tenant): string {
  return goal.time_zone ?? tenant.organization.timeZone ?? 'UTC';
}

/** A stored goal as the rules see it; with the points that were read apart, or the latest one of its row. */
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

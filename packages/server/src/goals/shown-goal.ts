import type { GoalColour, GoalDirection } from '@posthorn/protocol';
import { timeOfId } from '../ids/uuid-time.ts';
import type { GoalChangeRow, GoalPointRow, GoalRow } from '../store/goals.ts';
import { colourOf } from './thresholds.ts';

/** A goal as it is shown. Decimals are text. */
export interface ShownGoal {
  readonly id: string;
  readonly name: string;
  readonly direction: GoalDirection;
  readonly timeZone: string | null;
  readonly goodThreshold: string | null;
  readonly badThreshold: string | null;
  /** The colour of the latest point. */
  readonly colour: GoalColour | null;
  /** The point of the latest date; null: there is none. */
  readonly latestPoint: { readonly date: string; readonly value: string; readonly colour: GoalColour | null } | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The value of a goal on a date. */
export interface ShownPoint {
  readonly date: string;
  readonly value: string;
  readonly colour: GoalColour | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An entry of the history of a goal. */
export interface ShownGoalChange {
  readonly id: string;
  readonly at: Date;
  readonly kind: GoalChangeRow['kind'];
  readonly date: string | null;
  readonly before: unknown;
  readonly after: unknown;
  /** The inbound hook that it came through; null: the API. */
  readonly hookId: string | null;
}

export function shownGoal(row: GoalRow): ShownGoal {
  const { latest_date: date, latest_value: value } = row;
  const latestPoint = date === null || value === null ? null : { date, value, colour: colourAt(row, value) };
  return {
    id: row.id,
    name: row.name,
    direction: row.direction,
    timeZone: row.time_zone,
    goodThreshold: row.good_threshold,
    badThreshold: row.bad_threshold,
    colour: latestPoint?.colour ?? null,
    latestPoint,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function shownPoint(goal: GoalRow, { date, value, created_at: createdAt, updated_at: updatedAt }: GoalPointRow): ShownPoint {
  return { date, value, colour: colourAt(goal, value), createdAt, updatedAt };
}

export function shownGoalChange({ id, kind, date, before, after, hook_id: hookId }: GoalChangeRow): ShownGoalChange {
  return { id, at: new Date(timeOfId(id)), kind, date, before: parsed(before), after: parsed(after), hookId };
}

function colourAt({ good_threshold: good, bad_threshold: bad, direction }: GoalRow, value: string): GoalColour | null {
  return colourOf(value, { good, bad }, direction);
}

/** Parses JSON that this server wrote. */
function parsed(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}

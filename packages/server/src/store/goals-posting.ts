import { statement, type Queryable } from './database.ts';
import type { GoalChangeRow, GoalRow } from './goals.ts';

/** In the order of the keys, so that two batches cannot deadlock. Index: the primary key. */
const LOCK = statement(
  'lock_goals',
  `SELECT key, organization_key, id, name, direction, time_zone, trim_scale(good_threshold)::text AS good_threshold,
     trim_scale(bad_threshold)::text AS bad_threshold, created_at, updated_at, deleted_at, NULL AS latest_date, NULL AS latest_value
   FROM goals WHERE key = ANY($1::int[]) ORDER BY key FOR UPDATE`,
);

/** Locks goals until the transaction ends, and returns their current rows. */
export function lockGoals(transaction: Queryable, keys: readonly number[]): Promise<GoalRow[]> {
  return transaction.query<GoalRow>(LOCK, [keys]);
}

export interface KnownPointRow {
  readonly goal_key: number;
  readonly date: string;
  readonly value: string;
  /** Whether this is the point of the goal's latest date. */
  readonly latest: boolean;
}

/** Index: the primary key, for both halves. */
const KNOWN = statement(
  'known_goal_points',
  `SELECT goal_key, date::text AS date, trim_scale(value)::text AS value, false AS latest
   FROM goal_points JOIN unnest($1::int[], $2::date[]) AS asked (key, day) ON goal_key = asked.key AND date = asked.day
   UNION ALL
   SELECT last.goal_key, last.date::text, trim_scale(last.value)::text, true
   FROM unnest($3::int[]) AS goal (key)
   CROSS JOIN LATERAL (SELECT goal_key, date, value FROM goal_points WHERE goal_key = goal.key ORDER BY date DESC LIMIT 1) last`,
);

/** Returns the points of these dates, and each goal's latest point. */
export function knownPoints(
  transaction: Queryable,
  asked: { readonly dates: readonly { goalKey: number; date: string }[]; readonly goalKeys: readonly number[] },
): Promise<KnownPointRow[]> {
  const { dates, goalKeys } = asked;
  return transaction.query<KnownPointRow>(KNOWN, [dates.map(({ goalKey }) => goalKey), dates.map(({ date }) => date), goalKeys]);
}

export interface NewPoint {
  readonly goalKey: number;
  readonly date: string;
  readonly value: string;
}

export interface NewThresholds {
  readonly goalKey: number;
  readonly good: string | null;
  readonly bad: string | null;
}

export interface NewGoalChange extends Omit<GoalChangeRow, 'hook_id'> {
  readonly goalKey: number;
  readonly hookId: string | null;
}

const STORE = statement(
  'store_goal_posts',
  `WITH points AS (
     INSERT INTO goal_points (goal_key, date, value)
     SELECT key, day, value::numeric FROM unnest($1::int[], $2::date[], $3::text[]) AS row (key, day, value)
     ON CONFLICT (goal_key, date) DO UPDATE SET value = excluded.value, updated_at = now()
   ), thresholds AS (
     UPDATE goals SET good_threshold = row.good::numeric, bad_threshold = row.bad::numeric, updated_at = now()
     FROM unnest($4::int[], $5::text[], $6::text[]) AS row (key, good, bad) WHERE goals.key = row.key
   )
   INSERT INTO goal_changes (goal_key, id, kind, date, before, after, hook_id)
   SELECT * FROM unnest($7::int[], $8::uuid[], $9::text[], $10::date[], $11::text[], $12::text[], $13::uuid[])`,
);

/** Stores points, thresholds and history in one statement. Points are unique by goal and date, thresholds by goal. */
export async function storeGoalPosts(
  transaction: Queryable,
  stored: {
    readonly points: readonly NewPoint[];
    readonly thresholds: readonly NewThresholds[];
    readonly changes: readonly NewGoalChange[];
  },
): Promise<void> {
  const { points, thresholds, changes } = stored;
  await transaction.query(STORE, [
    points.map((point) => point.goalKey),
    points.map((point) => point.date),
    points.map((point) => point.value),
    thresholds.map((row) => row.goalKey),
    thresholds.map((row) => row.good),
    thresholds.map((row) => row.bad),
    changes.map((change) => change.goalKey),
    changes.map((change) => change.id),
    changes.map((change) => change.kind),
    changes.map((change) => change.date),
    changes.map((change) => change.before),
    changes.map((change) => change.after),
    changes.map((change) => change.hookId),
  ]);
}

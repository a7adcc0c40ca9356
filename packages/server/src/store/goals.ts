import { boundedScan, SCAN_ROWS, scannedRows, type Scanned, type ScanMarks } from './bounded-scan.ts';
import { statement, type Queryable } from './database.ts';

export interface GoalRow {
  readonly key: number;
  readonly organization_key: number;
  readonly id: string;
  readonly name: string;
  readonly direction: 'maximize' | 'minimize';
  readonly time_zone: string | null;
  /** Decimals as text. */
  readonly good_threshold: string | null;
  readonly bad_threshold: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly deleted_at: Date | null;
  /** The point of the latest date; null: there is none. */
  readonly latest_date: string | null;
  readonly latest_value: string | null;
}

const COLUMNS = `goals.key, goals.organization_key, goals.id, goals.name, goals.direction, goals.time_zone,
  trim_scale(goals.good_threshold)::text AS good_threshold, trim_scale(goals.bad_threshold)::text AS bad_threshold,
  goals.created_at, goals.updated_at, goals.deleted_at`;
const LATEST = `latest.date::text AS latest_date, trim_scale(latest.value)::text AS latest_value`;
/** Index: the primary key of goal_points, read from its end. */
const JOIN_LATEST = `LEFT JOIN LATERAL (SELECT date, value FROM goal_points WHERE goal_key = goals.key ORDER BY date DESC LIMIT 1) latest ON true`;

export interface NewGoal {
  readonly organizationKey: number;
  readonly id: string;
  readonly name: string;
  readonly direction: string;
  readonly timeZone: string | null;
  readonly goodThreshold: string | null;
  readonly badThreshold: string | null;
}

const INSERT = statement(
  'insert_goal',
  `INSERT INTO goals (organization_key, id, name, direction, time_zone, good_threshold, bad_threshold)
   VALUES ($1, $2, $3, $4, $5, $6::text::numeric, $7::text::numeric)
   ON CONFLICT (organization_key, id) DO NOTHING RETURNING ${COLUMNS}, NULL AS latest_date, NULL AS latest_value`,
);

/** Returns null if the id is taken, perhaps by a deleted goal. */
export async function insertGoal(queryable: Queryable, goal: NewGoal): Promise<GoalRow | null> {
  const { organizationKey, id, name, direction, timeZone, goodThreshold, badThreshold } = goal;
  const [row] = await queryable.query<GoalRow>(INSERT, [organizationKey, id, name, direction, timeZone, goodThreshold, badThreshold]);
  return row ?? null;
}

const FIND = statement('find_goal', `SELECT ${COLUMNS}, ${LATEST} FROM goals ${JOIN_LATEST} WHERE organization_key = $1 AND id = $2`);

/** Finds a goal, also a deleted one. */
export async function findGoal(queryable: Queryable, organizationKey: number, id: string): Promise<GoalRow | null> {
  const [row] = await queryable.query<GoalRow>(FIND, [organizationKey, id]);
  return row ?? null;
}

const LOCK = statement(
  'lock_goal',
  `SELECT ${COLUMNS}, NULL AS latest_date, NULL AS latest_value FROM goals WHERE organization_key = $1 AND id = $2 FOR UPDATE`,
);

/** Locks the goal until the transaction ends. A second statement reads its latest point after the wait. */
export async function lockGoal(transaction: Queryable, organizationKey: number, id: string): Promise<GoalRow | null> {
  const [locked] = await transaction.query<GoalRow>(LOCK, [organizationKey, id]);
  return locked ? findGoal(transaction, organizationKey, id) : null;
}

const latestOf = (column: string): string =>
  `(SELECT ${column} FROM goal_points WHERE goal_key = page.key ORDER BY goal_points.date DESC LIMIT 1)`;
const LIST = statement(
  'list_goals',
  boundedScan({
    columns: COLUMNS,
    lookedUp: `${latestOf('date::text')} AS latest_date, ${latestOf('trim_scale(value)::text')} AS latest_value`,
    rows: 'FROM goals WHERE organization_key = $1 AND id > $2',
    order: 'id',
    filter: 'deleted_at IS NULL',
    limit: '$3',
    scanRows: '$4',
  }),
);

/** Lists goals by id. Index: the unique one on organization_key, id. */
export async function listGoals(
  queryable: Queryable,
  input: { organizationKey: number; after: string; limit: number },
): Promise<Scanned<GoalRow>> {
  const values = [input.organizationKey, input.after, input.limit, SCAN_ROWS];
  return scannedRows(await queryable.query<GoalRow & ScanMarks>(LIST, values));
}

const UPDATE = statement(
  'update_goal',
  `UPDATE goals SET name = $2, direction = $3, time_zone = $4, good_threshold = $5::text::numeric, bad_threshold = $6::text::numeric,
     updated_at = now()
   WHERE key = $1`,
);

export async function updateGoal(transaction: Queryable, key: number, goal: Omit<NewGoal, 'organizationKey' | 'id'>): Promise<void> {
  const { name, direction, timeZone, goodThreshold, badThreshold } = goal;
  await transaction.query(UPDATE, [key, name, direction, timeZone, goodThreshold, badThreshold]);
}

const DELETE = statement('delete_goal', 'UPDATE goals SET deleted_at = now(), updated_at = now() WHERE key = $1 AND deleted_at IS NULL');

/** Marks the goal as deleted. Later posts to it get an error that says so. */
export async function deleteGoal(transaction: Queryable, key: number): Promise<void> {
  await transaction.query(DELETE, [key]);
}

export interface GoalPointRow {
  readonly date: string;
  readonly value: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const POINTS = statement(
  'list_goal_points',
  `SELECT date::text AS date, trim_scale(value)::text AS value, created_at, updated_at FROM goal_points
   WHERE goal_key = $1 AND date < $2::date AND date >= $3::date AND date <= $4::date ORDER BY goal_points.date DESC LIMIT $5`,
);

/** Latest date first. Index: the primary key. */
export function listGoalPoints(
  queryable: Queryable,
  input: { goalKey: number; before: string; from: string; to: string; limit: number },
): Promise<GoalPointRow[]> {
  return queryable.query<GoalPointRow>(POINTS, [input.goalKey, input.before, input.from, input.to, input.limit]);
}

export interface GoalChangeRow {
  readonly id: string;
  readonly kind: 'created' | 'changed' | 'deleted' | 'point';
  readonly date: string | null;
  /** JSON text. */
  readonly before: string | null;
  readonly after: string | null;
  readonly hook_id: string | null;
}

const CHANGES = statement(
  'list_goal_changes',
  `SELECT id, kind, date::text AS date, before, after, hook_id FROM goal_changes WHERE goal_key = $1 AND id < $2 ORDER BY id DESC LIMIT $3`,
);

/** Newest first. Index: the primary key. */
export function listGoalChanges(queryable: Queryable, input: { goalKey: number; before: string; limit: number }): Promise<GoalChangeRow[]> {
  return queryable.query<GoalChangeRow>(CHANGES, [input.goalKey, input.before, input.limit]);
}

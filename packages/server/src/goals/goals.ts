import { PosthornError, type FieldError, type GoalDirection, type JsonObject } from '@posthorn/protocol';
import { nothingMore, type AlsoCommit, type Database, type Queryable } from '../store/database.ts';
import {
  deleteGoal,
  findGoal,
  insertGoal,
  listGoalChanges,
  listGoalPoints,
  listGoals,
  lockGoal,
  updateGoal,
  type GoalRow,
  type NewGoal,
} from '../store/goals.ts';
import { storeGoalPosts, type NewGoalChange } from '../store/goals-posting.ts';
import { notifyInbound, publicIdOfTarget } from '../store/inbound-hooks.ts';
import { newId } from '../ids/uuid-time.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { CommittedEvent, EventCommit } from '../intake/event-commit.ts';
import { goalState } from './goal-state.ts';
import { goalUpdate } from './goal-update.ts';
import { shownGoal, shownGoalChange, shownPoint, type ShownGoal, type ShownGoalChange, type ShownPoint } from './shown-goal.ts';
import { thresholdErrors } from './thresholds.ts';

/** A goal's settings, with valid formats. Decimals are in the form that `readDecimal` returns. */
export interface GoalInput {
  readonly name: string;
  readonly direction: GoalDirection;
  readonly timeZone: string | null;
  readonly goodThreshold: string | null;
  readonly badThreshold: string | null;
}

export type GoalChange = { readonly [Field in keyof GoalInput]?: GoalInput[Field] | undefined };

export interface GoalsOptions {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly commit: EventCommit;
  readonly now: () => number;
  /** Called with a deleted goal's public id. */
  readonly onTargetChanged: (publicId: string) => void;
}

/** Creates, changes and deletes goals. Each change is committed together with its history entry and event. */
export class Goals {
  readonly #options: GoalsOptions;

  constructor(options: GoalsOptions) {
    this.#options = options;
  }

  /** Creates a goal. Throws `invalid_request` if the thresholds don't fit, `conflict` if the id is in use. */
  async create(
    tenant: Tenant,
    { id = newId(), ...input }: GoalInput & { readonly id?: string | undefined },
    also: AlsoCommit<ShownGoal> = nothingMore,
  ): Promise<ShownGoal> {
    checkOrder(input, { good: input.goodThreshold !== null, bad: input.badThreshold !== null });
    const organizationKey = tenant.organization.key;
    return this.#options.commit.run([tenant], async (transaction) => {
      const row = await insertGoal(transaction, { organizationKey, id, ...input });
      if (!row) throw new PosthornError('conflict', `The goal id ${JSON.stringify(id)} is already in use, possibly by a deleted goal.`);
      await this.#record(transaction, row, { kind: 'created', before: null, after: settings(row) });
      const goal = shownGoal(row);
      await also(transaction, goal);
      return { result: goal, events: [event('goal.created', row)] };
    });
  }

  /** Throws `not_found`, also if it was deleted. */
  async get(tenant: Tenant, id: string): Promise<ShownGoal> {
    return shownGoal(await this.#find(tenant, id));
  }

  /** In the order of the ids, behind the id `after`. `stoppedAt`: the search ended there before the page was full. */
  async list(
    tenant: Tenant,
    query: { readonly after: string; readonly limit: number },
  ): Promise<{ rows: ShownGoal[]; stoppedAt: Pick<ShownGoal, 'id'> | null }> {
    const { rows, stoppedAt } = await listGoals(this.#options.reads, { organizationKey: tenant.organization.key, ...query });
    return { rows: rows.map(shownGoal), stoppedAt };
  }

  /** The points from `from` to `to`, both included, latest date first, below the date `before`. Throws `not_found`. */
  async points(
    tenant: Tenant,
    id: string,
    query: { readonly before: string; readonly from: string; readonly to: string; readonly limit: number },
  ): Promise<ShownPoint[]> {
    const goal = await this.#find(tenant, id);
    return (await listGoalPoints(this.#options.reads, { goalKey: goal.key, ...query })).map((row) => shownPoint(goal, row));
  }

  /** What happened to a goal and its points, newest first, below the id `before`. Throws `not_found`. */
  async changes(tenant: Tenant, id: string, query: { readonly before: string; readonly limit: number }): Promise<ShownGoalChange[]> {
    const goal = await this.#find(tenant, id);
    return (await listGoalChanges(this.#options.reads, { goalKey: goal.key, ...query })).map(shownGoalChange);
  }

  /** Changes a goal. Throws `not_found`, `invalid_request`. */
  async change(tenant: Tenant, id: string, change: GoalChange): Promise<ShownGoal> {
    const row = await this.#options.commit.run([tenant], async (transaction) => {
      const before = await this.#lock(transaction, tenant, id);
      const wanted = changed(before, change);
      const given = { good: change.goodThreshold !== undefined, bad: change.badThreshold !== undefined };
      checkOrder(wanted, given);
      const was = settings(before);
      const will = settings({ ...before, ...asRow(wanted) });
      if (JSON.stringify(was) === JSON.stringify(will)) return { result: before, events: [] };
      await updateGoal(transaction, before.key, wanted);
      const after = await this.#lock(transaction, tenant, id);
      await this.#record(transaction, after, { kind: 'changed', before: was, after: will });
      return { result: after, events: [changeEvent(tenant, before, after)] };
    });
    return shownGoal(row);
  }

  /** Deletes a goal. Posts to it then get 410. Throws `not_found`. */
  async delete(tenant: Tenant, id: string): Promise<void> {
    const organizationKey = tenant.organization.key;
    const publicId = await this.#options.commit.run([tenant], async (transaction) => {
      const row = await this.#lock(transaction, tenant, id);
      await deleteGoal(transaction, row.key);
      await this.#record(transaction, row, { kind: 'deleted', before: settings(row), after: null });
      const target = await publicIdOfTarget(transaction, { organizationKey, kind: 'goal', targetId: id });
      if (target !== null) await notifyInbound(transaction, `target:${target}`);
      return { result: target, events: [event('goal.deleted', row)] };
    });
    if (publicId !== null) this.#options.onTargetChanged(publicId);
  }

  async #find(tenant: Tenant, id: string): Promise<GoalRow> {
    const row = await findGoal(this.#options.database, tenant.organization.key, id);
    if (row?.deleted_at === null) return row;
    throw noGoal();
  }

  async #lock(transaction: Queryable, tenant: Tenant, id: string): Promise<GoalRow> {
    const row = await lockGoal(transaction, tenant.organization.key, id);
    if (row?.deleted_at === null) return row;
    throw noGoal();
  }

  async #record(
    transaction: Queryable,
    { key }: GoalRow,
    { kind, before, after }: { kind: NewGoalChange['kind']; before: JsonObject | null; after: JsonObject | null },
  ): Promise<void> {
    const text = (state: JsonObject | null): string | null => (state === null ? null : JSON.stringify(state));
    const id = newId(this.#options.now());
    const change = { goalKey: key, id, kind, date: null, before: text(before), after: text(after), hookId: null };
    await storeGoalPosts(transaction, { points: [], thresholds: [], changes: [change] });
  }
}

function noGoal(): PosthornError {
  return new PosthornError('not_found', 'There is no such goal in this organization.');
}

/** Throws `invalid_request` with an error for each given threshold that doesn't fit. */
function checkOrder({ goodThreshold, badThreshold, direction }: GoalInput, given: { good: boolean; bad: boolean }): void {
  const thresholds = { good: goodThreshold, bad: badThreshold };
  let errors: FieldError[] = thresholdErrors(thresholds, direction, { ...given, path: '' });
  // No threshold was given: the direction doesn't fit the stored ones.
  if (!given.good && !given.bad && thresholdErrors(thresholds, direction, { good: true, bad: true, path: '' }).length > 0) {
    const message = `does not fit the stored thresholds: goodThreshold is ${goodThreshold}, badThreshold is ${badThreshold}`;
    errors = [{ path: '/direction', rule: 'threshold_order', message }];
  }
  const [first] = errors;
  if (first) throw new PosthornError('invalid_request', `${first.path} ${first.message}.`, { errors });
}

function changed(row: GoalRow, change: GoalChange): Omit<NewGoal, 'organizationKey' | 'id'> & GoalInput {
  const {
    name = row.name,
    direction = row.direction,
    timeZone = row.time_zone,
    goodThreshold = row.good_threshold,
    badThreshold = row.bad_threshold,
  } = change;
  return { name, direction, timeZone, goodThreshold, badThreshold };
}

function asRow({ name, direction, timeZone, goodThreshold, badThreshold }: GoalInput): Partial<GoalRow> {
  return { name, direction, time_zone: timeZone, good_threshold: goodThreshold, bad_threshold: badThreshold };
}

function settings(row: GoalRow): JsonObject {
  return {
    name: row.name,
    direction: row.direction,
    timeZone: row.time_zone,
    goodThreshold: row.good_threshold,
    badThreshold: row.bad_threshold,
  };
}

function event(type: string, row: GoalRow): CommittedEvent {
  const data = { goal: { id: row.id, ...settings(row) } };
  return { organizationKey: row.organization_key, type, data, subject: { kind: 'goal', id: row.id } };
}

function changeEvent(tenant: Tenant, before: GoalRow, after: GoalRow): CommittedEvent {
  const data = goalUpdate(goalState(before, tenant), goalState(after, tenant), null);
  return { organizationKey: after.organization_key, type: 'goal.updated', data, subject: { kind: 'goal', id: after.id } };
}

import { PosthornError, type FieldError } from '@posthorn/protocol';
import { BatchWriter } from '../batching/batch-writer.ts';
import type { Queryable } from '../store/database.ts';
import { isDataError } from '../errors/database-error.ts';
import { knownPoints, lockGoals, storeGoalPosts, type NewGoalChange, type NewPoint, type NewThresholds } from '../store/goals-posting.ts';
import { insertInboundRequests, type InboundRequest } from '../store/inbound-log.ts';
import { MAX_WAIT_MS } from '../batching/request-ticket.ts';
import { asStoreError } from '../errors/store-error.ts';
import { newId } from '../ids/uuid-time.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { CommittedEvent, EventCommit, Tenants } from '../intake/event-commit.ts';
import type { SentPoint } from './goal-post.ts';
import { applyPoints, sameThresholds, type AppliedPost, type GoalState } from './goal-update.ts';
import { goalState, zoneOf } from './goal-state.ts';
import { dateIn } from './point-date.ts';

/** Points for one goal, from one request. */
export interface GoalPost {
  readonly tenant: Tenant;
  readonly goalKey: number;
  readonly points: readonly SentPoint[];
  readonly hookId: string | null;
  /** Returns the log entry of an accepted post; null: nothing is logged. */
  readonly log: ((applied: AppliedPost) => InboundRequest) | null;
}

export type GoalPostOutcome = AppliedPost | PosthornError;

const MAX_BATCH_POINTS = 5_000;

/**
 * Applies posts. Concurrent posts share a transaction, which locks their goals in order and applies the posts in order.
 */
export class GoalWriter {
  readonly #commit: EventCommit;
  readonly #now: () => number;
  readonly #batches: BatchWriter<GoalPost, GoalPostOutcome>;

  constructor({ commit, now }: { commit: EventCommit; now: () => number }) {
    this.#commit = commit;
    this.#now = now;
    this.#batches = new BatchWriter({
      write: (posts) => this.#write(posts),
      maxItems: 400,
      maxInFlight: 2,
      eagerItems: 100,
      weigh: ({ points }) => points.length,
      maxWeight: MAX_BATCH_POINTS,
      maxWaitMs: MAX_WAIT_MS,
    });
  }

  /** The number of posts that wait to be stored. */
  get queued(): number {
    return this.#batches.queued;
  }

  /**
   * Resolves when the post is committed. Rejects with `unavailable` without a database, `overloaded` after too long a
   * wait.
   */
  add(post: GoalPost): Promise<GoalPostOutcome> {
    return this.#batches.add(post);
  }

  drained(): Promise<void> {
    return this.#batches.drained();
  }

  async #write(posts: readonly GoalPost[]): Promise<GoalPostOutcome[]> {
    const tenants = new Map(posts.map(({ tenant }) => [tenant.organization.key, tenant]));
    try {
      return await this.#commit.run(tenants.values(), (transaction, current) => this.#apply(transaction, posts, current));
    } catch (error) {
      // A post of the batch cannot be stored: retries one by one, so that it doesn't fail the others.
      if (!isDataError(error) || posts.length === 1) throw asStoreError(error);
      const outcomes: GoalPostOutcome[] = [];
      for (const post of posts) outcomes.push(...(await this.#write([post]).catch((one: unknown) => [asStoreError(one)])));
      return outcomes;
    }
  }

  async #apply(transaction: Queryable, posts: readonly GoalPost[], tenants: Tenants) {
    const states = await readStates(transaction, posts, tenants);
    const change = new BatchChange(this.#now());
    const result = posts.map((post): GoalPostOutcome => {
      const before = states.get(post.goalKey);
      if (before === undefined) return new PosthornError('not_found', 'There is no such goal.');
      if (before === 'deleted') return new PosthornError('gone', 'The goal was deleted and accepts no more data.');
      const applied = applyPoints(before, post.points);
      if ('errors' in applied) return refusedPoints(applied.errors);
      states.set(post.goalKey, applied.state);
      change.add(post, before, applied);
      return applied;
    });
    await change.store(transaction);
    return { result, events: change.events };
  }
}

/** Returns the error of invalid points. */
export function refusedPoints(errors: readonly FieldError[]): PosthornError {
  const [first] = errors;
  const detail = first ? `${first.path === '' ? 'The body' : first.path} ${first.message}.` : 'The data was not in the correct format.';
  return new PosthornError('inbound_data', detail, { errors });
}

/** Locks the goals and reads their latest points and those of the posts' dates. Missing goals are omitted. */
async function readStates(
  transaction: Queryable,
  posts: readonly GoalPost[],
  tenants: Tenants,
): Promise<Map<number, GoalState | 'deleted'>> {
  const rows = await lockGoals(transaction, [...new Set(posts.map((post) => post.goalKey))]);
  const goals = new Map(rows.map((row) => [row.key, row]));
  const dates = posts.flatMap(({ goalKey, points, tenant }) => {
    const goal = goals.get(goalKey);
    if (!goal) return [];
    const zone = zoneOf(goal, tenants.get(goal.organization_key) ?? tenant);
    return points.flatMap((point) => {
      const date = dateIn(point.date, zone);
      return date === null ? [] : { goalKey, date };
    });
  });
  const known = await knownPoints(transaction, { dates, goalKeys: rows.map((row) => row.key) });
  const byGoal = Map.groupBy(known, (row) => row.goal_key);
  const states = new Map<number, GoalState | 'deleted'>();
  for (const row of rows) {
    const tenant = tenants.get(row.organization_key);
    if (!tenant) continue;
    states.set(row.key, row.deleted_at === null ? goalState(row, tenant, byGoal.get(row.key) ?? []) : 'deleted');
  }
  return states;
}

/** Collects the rows that a batch stores, post by post. */
class BatchChange {
  readonly events: CommittedEvent[] = [];
  readonly #now: number;
  readonly #points = new Map<string, NewPoint>();
  readonly #thresholds = new Map<number, NewThresholds>();
  readonly #changes: NewGoalChange[] = [];
  readonly #requests: InboundRequest[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  add(post: GoalPost, before: GoalState, { state, results, updates }: AppliedPost): void {
    const { goalKey, hookId, tenant, log } = post;
    for (const { date, value, result } of results) {
      if (result !== 'unchanged') this.#points.set(`${goalKey} ${date}`, { goalKey, date, value });
    }
    if (!sameThresholds(before.thresholds, state.thresholds)) this.#thresholds.set(goalKey, { goalKey, ...state.thresholds });
    for (const update of updates) {
      const { point, thresholds } = update;
      const beforeText = JSON.stringify({ value: point?.previousValue ?? null, thresholds: thresholds.before });
      const after = JSON.stringify({ value: point?.value ?? null, thresholds: thresholds.after });
      const date = point?.date ?? null;
      this.#changes.push({ goalKey, id: newId(this.#now), kind: 'point', date, before: beforeText, after, hookId });
      const subject = { kind: 'goal', id: state.id };
      this.events.push({ organizationKey: tenant.organization.key, type: 'goal.updated', data: update, subject });
    }
    if (log) this.#requests.push(log({ state, results, updates }));
  }

  async store(transaction: Queryable): Promise<void> {
    if (this.#changes.length > 0) {
      const points = [...this.#points.values()];
      await storeGoalPosts(transaction, { points, thresholds: [...this.#thresholds.values()], changes: this.#changes });
    }
    await insertInboundRequests(transaction, this.#requests);
  }
}

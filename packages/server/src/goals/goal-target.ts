import { PosthornError, type FieldError, type JsonObject } from '@posthorn/protocol';
import type { Database } from '../store/database.ts';
import { findGoal } from '../store/goals.ts';
import { readPost } from './goal-post.ts';
import { goalState } from './goal-state.ts';
import { orderErrors, type AppliedPost } from './goal-update.ts';
import { refusedPoints, type GoalWriter } from './goal-writer.ts';
import { GoalKeys } from './goal-keys.ts';
import type { AcceptedPost, TargetKind, TargetPost } from '../inbound/target-kind.ts';

/** The inbound target of a goal: accepts one dated value or an array of them, with thresholds. */
export function goalTarget({ database, writer }: { database: Database; writer: GoalWriter }): TargetKind {
  const keys = new GoalKeys(database);
  return {
    kind: 'goal',
    forms: true,
    queued: () => writer.queued,
    async find(tenant, targetId) {
      const row = await findGoal(database, tenant.organization.key, targetId);
      if (!row) return { state: 'missing' };
      return { state: row.deleted_at === null ? 'found' : 'deleted', name: row.name };
    },
    async apply(post) {
      const goalKey = await keys.find(post.tenant.organization.key, post.targetId);
      if (goalKey === null) return new PosthornError('not_found', 'There is no such goal.');
      const read = readPost(post.body);
      if ('errors' in read) return refusedPoints([...read.errors, ...(await storedOrderErrors(database, post, read.thresholds))]);
      const { tenant, hookId, logEntry } = post;
      const log = (applied: AppliedPost) => logEntry(statusOf(applied));
      const outcome = await writer.add({ tenant, goalKey, points: read.points, hookId, log });
      return outcome instanceof PosthornError ? outcome : acceptedPost(post, outcome);
    },
  };
}

/** Checks the thresholds of a post that is rejected for other errors, so that all errors are returned at once. */
async function storedOrderErrors(
  database: Database,
  { tenant, targetId }: TargetPost,
  thresholds: Parameters<typeof orderErrors>[1],
): Promise<readonly FieldError[]> {
  if (thresholds.every(({ good, bad }) => good === undefined && bad === undefined)) return [];
  const row = await findGoal(database, tenant.organization.key, targetId);
  return row ? orderErrors(goalState(row, tenant), thresholds) : [];
}

function statusOf({ results }: AppliedPost): 200 | 201 {
  return results.some(({ result }) => result === 'created') ? 201 : 200;
}

function acceptedPost({ body, targetId }: TargetPost, applied: AppliedPost): AcceptedPost {
  const { state, results } = applied;
  const points = results.map(({ date, value, colour, result }): JsonObject => ({ date, value, colour, result }));
  const [first = null] = points;
  return {
    status: statusOf(applied),
    body: {
      goal: targetId,
      ...(Array.isArray(body) ? { points } : { point: first }),
      goodThreshold: state.thresholds.good,
      badThreshold: state.thresholds.bad,
    },
    logged: true,
  };
}

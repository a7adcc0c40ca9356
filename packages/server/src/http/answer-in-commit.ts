import { PosthornError } from '@posthorn/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AlsoCommit, Queryable } from '../store/database.ts';
import { advanceIdempotent, endIdempotent } from '../store/idempotency-keys.ts';
import { answerText } from './idempotency.ts';

/** As Fastify sets it for an object. */
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Stores the answer to a request with an Idempotency-Key in the transaction of its change. If the process dies before it
 * answers, a repeat gets this answer, and never makes the change a second time.
 */
export function answerInCommit<Result>(
  reply: FastifyReply,
  status: number,
  bodyOf: (result: Result, transaction: Queryable) => unknown,
): AlsoCommit<Result> {
  return async (transaction, result) => {
    const work = reply.request.idempotency;
    if (work === null) return;
    const body = reply.code(status).serialize(await bodyOf(result, transaction));
    const answer = answerText(JSON_TYPE, body);
    if (!(await endIdempotent(transaction, { ...work, status, body: work.seal(answer) }))) throw takenOver();
    work.committed = answer;
  };
}

/** What an earlier try of this request had committed when it failed, as `progressInCommit` stored it; null: nothing. */
export function idempotentProgress({ idempotency: work }: FastifyRequest): unknown {
  return work?.progress ?? null;
}

/** As `answerInCommit`, for a change that takes several commits: each stores how far it has come. */
export function progressInCommit<Result>(request: FastifyRequest, progressOf: (result: Result) => unknown): AlsoCommit<Result> {
  return async (transaction, result) => {
    const work = request.idempotency;
    if (work === null) return;
    const progress = work.seal(JSON.stringify(progressOf(result)));
    if (!(await advanceIdempotent(transaction, { ...work, progress }))) throw takenOver();
  };
}

/** Thrown in the transaction: nothing of the change is stored. */
function takenOver(): PosthornError {
  return new PosthornError(
    'idempotency_in_flight',
    'The request took longer than a minute, and a repeat with its Idempotency-Key has begun meanwhile. This one changed nothing.',
    { retryAfterSeconds: 1 },
  );
}

import { PosthornError } from '@posthorn/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AlsoCommit, Queryable } from '../store/database.ts';
import { advanceIdempotent, endIdempotent } from '../store/idempotency-keys.ts';
import { answerText } from './idempotency.ts';

/** The content type that Fastify sets for an object. */
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Stores the response to a request with an Idempotency-Key in the transaction of its change. If the process dies before
 * it responds, a repeat returns this response and does not make the change a second time.
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

/** Returns what `progressInCommit` stored for an earlier, failed try of this request; null if it stored nothing. */
export function idempotentProgress({ idempotency: work }: FastifyRequest): unknown {
  return work?.progress ?? null;
}

/** Like `answerInCommit`, for a change that takes several commits: each commit stores the progress so far. */
export function progressInCommit<Result>(request: FastifyRequest, progressOf: (result: Result) => unknown): AlsoCommit<Result> {
  return async (transaction, result) => {
    const work = request.idempotency;
    if (work === null) return;
    const progress = work.seal(JSON.stringify(progressOf(result)));
    if (!(await advanceIdempotent(transaction, { ...work, progress }))) throw takenOver();
  };
}

/** Thrown inside the transaction, so that the change is rolled back. */
function takenOver(): PosthornError {
  return new PosthornError(
    'idempotency_in_flight',
    'The request took longer than a minute, and a repeat with the same Idempotency-Key has started. This request changed nothing.',
    { retryAfterSeconds: 1 },
  );
}

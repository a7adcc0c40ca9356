import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IdempotentWork } from '../access/idempotent-requests.ts';
import { bodyText } from './idempotency.ts';

/** Work that is added to the transaction of a change. */
type InCommit<Result> = ReturnType<typeof IdempotentWork.prototype.answerInCommit<Result>>;

/** The content type that Fastify sets for an object. */
const JSON_TYPE = 'application/json; charset=utf-8';

/** Stores the response to a request with an Idempotency-Key in the transaction of its change. */
export function answerInCommit<Result>(reply: FastifyReply, status: number, bodyOf: (result: Result) => unknown): InCommit<Result> {
  const work = reply.request.idempotency;
  if (work === null) return async () => {};
  return work.answerInCommit(async (result) => {
    const body = reply.code(status).serialize(await bodyOf(result));
    return { status, contentType: JSON_TYPE, body: bodyText(body) };
  });
}

/** Returns what `progressInCommit` stored for an earlier, failed try of this request; null if it stored nothing. */
export function idempotentProgress({ idempotency: work }: FastifyRequest): unknown {
  return work?.progress ?? null;
}

/** Like `answerInCommit`, for a change that takes several commits: each commit stores the progress so far. */
export function progressInCommit<Result>({ idempotency: work }: FastifyRequest, progressOf: (result: Result) => unknown): InCommit<Result> {
  return work === null ? async () => {} : work.progressInCommit(progressOf);
}

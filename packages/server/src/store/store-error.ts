import { PosthornError } from '@posthorn/protocol';
import { isPassing, sqlState } from './database.ts';

/** A statement that ran into the limit of its pool. */
const QUERY_CANCELED = '57014';

/** What a caller is told when the database did not do it, or nobody knows whether it did: the call may be repeated. */
export function unavailable(cause: unknown): PosthornError {
  return new PosthornError('unavailable', 'The database did not answer, or not in time.', { cause, retryAfterSeconds: 1 });
}

/** The error of a request that waited too long to be stored, or would. Nothing of it is stored. */
export function overloaded(retryAfterSeconds = 1): PosthornError {
  return new PosthornError('overloaded', 'More requests are waiting to be stored than the server can store in time.', {
    retryAfterSeconds,
  });
}

/** What a caller is told of an error that nothing else explains: `unavailable` where another try may succeed, else `internal`. */
export function asStoreError(error: unknown): PosthornError {
  if (error instanceof PosthornError) return error;
  if (sqlState(error) === QUERY_CANCELED) {
    const detail = 'The database did not find the answer in time. Narrow the query: a shorter span with from and to, or a webhook.';
    return new PosthornError('query_timeout', detail, { cause: error, retryAfterSeconds: 5 });
  }
  if (isPassing(error)) return unavailable(error);
  return new PosthornError('internal', 'The server failed to handle the request.', { cause: error });
}

import { PosthornError } from '@posthorn/protocol';
import { isPassing, sqlState } from './database-error.ts';

/** SQLSTATE of a statement that exceeded the time limit of its pool. */
const QUERY_CANCELED = '57014';

/** The error of a call whose outcome is failed or unknown because of the database. It may be repeated. */
export function unavailable(cause: unknown): PosthornError {
  return new PosthornError('unavailable', 'The database could not be reached, or did not respond in time.', {
    cause,
    retryAfterSeconds: 1,
  });
}

/** Maps an unexpected error to the API error: `unavailable` if a retry may succeed, else `internal`. */
export function asStoreError(error: unknown): PosthornError {
  if (error instanceof PosthornError) return error;
  if (sqlState(error) === QUERY_CANCELED) {
    const detail = 'The query took too long. Narrow it: use a shorter time span with from and to, or filter by webhook.';
    return new PosthornError('query_timeout', detail, { cause: error, retryAfterSeconds: 5 });
  }
  if (isPassing(error)) return unavailable(error);
  return new PosthornError('internal', 'The server failed to handle the request.', { cause: error });
}

import { PosthornError } from '@posthorn/protocol';
import { isPassing } from './database.ts';

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
  if (isPassing(error)) return unavailable(error);
  return new PosthornError('internal', 'The server failed to handle the request.', { cause: error });
}

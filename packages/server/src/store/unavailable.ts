import { PosthornError } from '@posthorn/protocol';

/** What a caller is told when the database did not do it, or nobody knows whether it did: the call may be repeated. */
export function unavailable(cause: unknown): PosthornError {
  return new PosthornError('unavailable', 'The database did not answer, or not in time.', { cause, retryAfterSeconds: 1 });
}

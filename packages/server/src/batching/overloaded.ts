import { PosthornError } from '@posthorn/protocol';

/** The error of a request that waited, or would wait, too long to be stored. Nothing of it is stored. */
export function overloaded(retryAfterSeconds = 1): PosthornError {
  return new PosthornError('overloaded', 'More requests are waiting to be stored than the server can store in time.', {
    retryAfterSeconds,
  });
}

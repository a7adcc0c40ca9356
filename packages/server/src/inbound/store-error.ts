import { PosthornError } from '@posthorn/protocol';
import { isPassing } from '../store/database.ts';

/** What a caller is told when the database did not take something. */
export function asStoreError(error: unknown): PosthornError {
  if (error instanceof PosthornError) return error;
  if (isPassing(error))
    return new PosthornError('unavailable', 'The database did not take the data.', { cause: error, retryAfterSeconds: 1 });
  return new PosthornError('internal', 'The server failed to handle the request.', { cause: error });
}

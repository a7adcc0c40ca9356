import { PosthornError } from '@posthorn/protocol';
import { isPassing } from '../store/database.ts';
import { unavailable } from '../store/unavailable.ts';

/** What a caller is told when the database did not take something. */
export function asStoreError(error: unknown): PosthornError {
  if (error instanceof PosthornError) return error;
  if (isPassing(error)) return unavailable(error);
  return new PosthornError('internal', 'The server failed to handle the request.', { cause: error });
}

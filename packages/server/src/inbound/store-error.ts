import { PosthornError } from '@posthorn/protocol';
import { sqlState } from '../store/database.ts';

/** Connection lost or refused, server stopping, out of resources, deadlock: another try may succeed. Everything else is a fault. */
const PASSING = /^(?:08|53|57P|40|58)|^E[A-Z]+$/;

/** What a caller is told when the database did not take something. */
export function asStoreError(error: unknown): PosthornError {
  if (error instanceof PosthornError) return error;
  const code = sqlState(error);
  // pg says it without a code when a connection ends under a statement, or none is to be had in time.
  const passing = code === null ? error instanceof Error && /connection|timeout/i.test(error.message) : PASSING.test(code);
  if (passing) return new PosthornError('unavailable', 'The database did not take the data.', { cause: error, retryAfterSeconds: 1 });
  return new PosthornError('internal', 'The server failed to handle the request.', { cause: error });
}

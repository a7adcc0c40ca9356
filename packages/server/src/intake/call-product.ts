import { PosthornError } from '@posthorn/protocol';

/** Calls a function of a product, which may fail for data that nobody thought of. Throws `internal`, with what was thrown as its cause. */
export function callProduct<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw new PosthornError('internal', 'A function of the product failed for this data.', { cause: error });
  }
}

import { PosthornError } from '@posthorn/protocol';

/** Calls a function of a product definition. If it fails, throws `internal` with the original error as cause. */
export function callProduct<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw new PosthornError('internal', 'A function of the product definition failed for this data.', { cause: error });
  }
}

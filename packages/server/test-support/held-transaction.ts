import type { Database, Queryable } from '../src/store/database.ts';

/** A transaction that has done its work and stays open until it is told to commit, or the scope is left. */
export interface HeldTransaction extends AsyncDisposable {
  commit(): Promise<void>;
}

export async function holdTransaction(database: Database, work: (transaction: Queryable) => Promise<unknown>): Promise<HeldTransaction> {
  const [worked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const transaction = database.transaction(async (open) => {
    await work(open);
    worked.resolve();
    await held.promise;
  });
  await Promise.race([worked.promise, transaction]);
  const commit = (): Promise<void> => {
    held.resolve();
    return transaction;
  };
  return { commit, [Symbol.asyncDispose]: commit };
}

import { statement, type Queryable } from './database.ts';

const NOTIFY = statement('notify_change', `SELECT pg_notify('posthorn_changes', $1)`);

/** Notifies all nodes of a change, when the transaction commits. */
export async function notifyChange(queryable: Queryable, change: string): Promise<void> {
  await queryable.query(NOTIFY, [change]);
}

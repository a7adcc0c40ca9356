import type { Database, Queryable, Statement, Value } from './database.ts';

/** Gets the result of every statement. */
export interface DatabaseObserver {
  succeeded(statement: string): void;
  failed(statement: string, error: unknown): void;
}

/** Wraps a database so that the observer gets the result of every statement. */
export function observeDatabase(database: Database, observer: DatabaseObserver): Database {
  return {
    ...observeStatements(database, observer),
    async transaction(work) {
      try {
        return await database.transaction((transaction) => work(observeStatements(transaction, observer)));
      } catch (error) {
        observer.failed('transaction', error);
        throw error;
      }
    },
    listen: (channel, onNotify, onReset) => database.listen(channel, onNotify, onReset),
    close: () => database.close(),
  };
}

function observeStatements(queryable: Queryable, observer: DatabaseObserver): Queryable {
  return {
    async query<Row>(statement: Statement, values?: readonly Value[]): Promise<Row[]> {
      try {
        const rows = await queryable.query<Row>(statement, values);
        observer.succeeded(statement.name);
        return rows;
      } catch (error) {
        observer.failed(statement.name, error);
        throw error;
      }
    },
    script: (text) => queryable.script(text),
  };
}

import type { Database } from '../store/database.ts';
import { notifyInbound } from '../store/inbound-hooks.ts';
import { beginMaintenance, endMaintenance, listMaintenance } from '../store/inbound-hooks-lookup.ts';

export interface MaintenanceMode {
  /** The value of the Retry-After header. */
  readonly retryAfterSeconds: number;
  readonly since: Date;
}

/** Used instead of an organization key: the whole server. */
export const WHOLE_SERVER = 0;

/** Keeps the maintenance modes of organizations in memory. `load` refreshes them from the database. */
export class Maintenance {
  readonly #database: Database;
  #modes = new Map<number, MaintenanceMode>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Returns the organization's mode; null: not in maintenance. */
  of(organizationKey: number): MaintenanceMode | null {
    return this.#modes.get(organizationKey) ?? null;
  }

  async load(): Promise<void> {
    const rows = await listMaintenance(this.#database);
    this.#modes = new Map(rows.map((row) => [row.organization_key, { retryAfterSeconds: row.retry_after_seconds, since: row.since }]));
  }

  /** Enables maintenance mode, or disables it with null, and notifies all nodes. */
  async set(organizationKey: number, retryAfterSeconds: number | null): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      if (retryAfterSeconds === null) await endMaintenance(transaction, organizationKey);
      else await beginMaintenance(transaction, organizationKey, retryAfterSeconds);
      await notifyInbound(transaction, 'maintenance');
    });
    await this.load();
  }
}

import type { Database } from '../store/database.ts';
import { notifyInbound } from '../store/inbound-hooks.ts';
import { beginMaintenance, endMaintenance, listMaintenance } from '../store/inbound-hooks-lookup.ts';

export interface MaintenanceMode {
  /** Told to callers. */
  readonly retryAfterSeconds: number;
  readonly since: Date;
}

/** In the place of an organization: the whole server. */
export const WHOLE_SERVER = 0;

/** Who is in maintenance, known without asking: `load` reads it anew. */
export class Maintenance {
  readonly #database: Database;
  #modes = new Map<number, MaintenanceMode>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** null: not in maintenance. */
  of(organizationKey: number): MaintenanceMode | null {
    return this.#modes.get(organizationKey) ?? null;
  }

  async load(): Promise<void> {
    const rows = await listMaintenance(this.#database);
    this.#modes = new Map(rows.map((row) => [row.organization_key, { retryAfterSeconds: row.retry_after_seconds, since: row.since }]));
  }

  /** Switches it on, or off with null. Every node hears of it. */
  async set(organizationKey: number, retryAfterSeconds: number | null): Promise<void> {
    await this.#database.transaction(async (transaction) => {
      if (retryAfterSeconds === null) await endMaintenance(transaction, organizationKey);
      else await beginMaintenance(transaction, organizationKey, retryAfterSeconds);
      await notifyInbound(transaction, 'maintenance');
    });
    await this.load();
  }
}

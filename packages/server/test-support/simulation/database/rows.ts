/** The tables and columns that the engine and the accept path use. Times are in milliseconds, including `Infinity`. */
export interface Rows {
  readonly organizations: { readonly key: number; readonly id: string; readonly product: string; readonly version: number };
  readonly webhooks: {
    readonly id: string;
    readonly organization_key: number;
    readonly ordered: boolean;
    readonly retry: object;
    readonly status: string;
    readonly status_changed_at: number;
    readonly health_version: number;
    readonly failing_since: number | null;
    readonly missed_since: number | null;
  };
  readonly nodes: { readonly id: number; readonly seen_at: number; readonly knows: readonly number[] };
  readonly shards: {
    readonly id: number;
    readonly owner: number | null;
    readonly epoch: number;
    readonly expires_at: number;
    readonly low_water: number;
  };
  readonly events: EventTableRow;
  readonly event_ids: { readonly organization_key: number; readonly external_id: string; readonly event_id: string };
  readonly deliveries: DeliveryTableRow;
  readonly attempts: { readonly delivery_id: string; readonly number: number };
  readonly waiting: WaitingTableRow;
  readonly log_continuity: { readonly token: string };
}

export interface EventTableRow {
  readonly organization_key: number;
  readonly id: string;
  readonly xid: number;
  readonly shard: number;
  readonly claimed_by: number | null;
  readonly type: string;
  readonly subject_kind: string | null;
  readonly subject_id: string | null;
  readonly external_id: string | null;
  readonly test: boolean;
  readonly body: Buffer;
  readonly webhook_ids: readonly string[];
}

export interface DeliveryTableRow {
  readonly organization_key: number;
  readonly id: string;
  readonly webhook_id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly test: boolean;
  readonly status: string;
  readonly attempt_count: number;
  readonly next_attempt_at: number | null;
}

export interface WaitingTableRow {
  readonly delivery_id: string;
  readonly organization_key: number;
  readonly shard: number;
  readonly webhook_id: string;
  readonly event_id: string;
  readonly attempt_count: number;
  readonly order_key: string | null;
  readonly event_xid: number | null;
  readonly scheduled_at: number | null;
  readonly due_at: number;
  readonly reason: string;
}

export type TableName = keyof Rows;

export const TABLE_NAMES = [
  'organizations',
  'webhooks',
  'nodes',
  'shards',
  'events',
  'event_ids',
  'deliveries',
  'attempts',
  'waiting',
  'log_continuity',
] as const satisfies readonly TableName[];

/** Rows by primary key. */
export type Tables = { readonly [Name in TableName]: Map<string, Rows[Name]> };

export function emptyTables(): Tables {
  return {
    organizations: new Map(),
    webhooks: new Map(),
    nodes: new Map(),
    shards: new Map(),
    events: new Map(),
    event_ids: new Map(),
    deliveries: new Map(),
    attempts: new Map(),
    waiting: new Map(),
    log_continuity: new Map(),
  };
}

/** A row that a transaction wrote; null: it deleted the row. */
export interface Change<Name extends TableName = TableName> {
  readonly table: Name;
  readonly key: string;
  readonly row: Rows[Name] | null;
}

/** A primary key of several columns. */
export function keyOf(...columns: readonly (string | number)[]): string {
  return columns.join(' ');
}

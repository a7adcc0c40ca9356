import { boundedScan, SCAN_ROWS, scannedRows, type Scanned, type ScanMarks } from './bounded-scan.ts';
import { statement, type Queryable } from './database.ts';
import { joinBytes } from './joined-bytes.ts';
import { nameArray, plainArray } from './plain-array.ts';

/** The name of an object. */
export interface ObjectName {
  readonly organizationKey: number;
  readonly kind: string;
  /** The scope if it is part of the identity, else ''. */
  readonly scopeKey: string;
  readonly id: string;
}

export interface ObjectRow {
  readonly organization_key: number;
  readonly kind: string;
  readonly scope_key: string;
  readonly id: string;
  readonly scope: string | null;
  /** JSON text; null: deleted. */
  readonly state: string | null;
  readonly version: number;
  readonly given: string[];
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** The row to store for an object. */
export interface ObjectWrite extends ObjectName {
  readonly scope: string | null;
  /** JSON text; null: deleted. */
  readonly state: string | null;
  readonly version: number;
  readonly given: readonly string[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const COLUMNS = 'organization_key, kind, scope_key, id, scope, state, version, given, created_at, updated_at';

/** In the order of the primary key, so that two batches cannot deadlock. */
const LOCK = statement(
  'lock_objects',
  `SELECT ${COLUMNS.replaceAll(/\b(\w+)\b/g, 'objects.$1')}
   FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS asked (organization_key, kind, scope_key, id)
   JOIN objects USING (organization_key, kind, scope_key, id)
   ORDER BY objects.organization_key, objects.kind, objects.scope_key, objects.id
   FOR UPDATE OF objects`,
);

/** Locks the existing objects, including deleted ones. Names must be unique within a call. */
export function lockObjects(transaction: Queryable, names: readonly ObjectName[]): Promise<ObjectRow[]> {
  return transaction.query<ObjectRow>(LOCK, nameColumns(names));
}

/** States are sent as slices of one bytea: as elements of a text[] each would be escaped, 5 % of the cost of a push. */
const WRITTEN = `
  (SELECT organization_key, kind, scope_key, id, scope, version, given::text[] AS given, created_at, updated_at,
          convert_from(substring($9::bytea FROM state_at FOR state_bytes), 'UTF8') AS state
   FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::timestamptz[],
               $10::timestamptz[], $11::int[], $12::int[])
     AS row (organization_key, kind, scope_key, id, scope, version, given, created_at, updated_at, state_at, state_bytes)) AS row`;

const INSERT = statement(
  'insert_objects',
  `WITH inserted AS (
     INSERT INTO objects (${COLUMNS})
     SELECT ${COLUMNS} FROM ${WRITTEN}
     ORDER BY organization_key, kind COLLATE "C", scope_key COLLATE "C", id COLLATE "C"
     ON CONFLICT DO NOTHING
     RETURNING 1)
   SELECT count(*)::int AS count FROM inserted`,
);

/** Returns how many were inserted: fewer than given if another transaction inserted one first. */
export async function insertObjects(transaction: Queryable, objects: readonly ObjectWrite[]): Promise<number> {
  const [row] = await transaction.query<{ count: number }>(INSERT, writeColumns(objects));
  return row?.count ?? 0;
}

const UPDATE = statement(
  'update_objects',
  `UPDATE objects SET scope = row.scope, state = row.state, version = row.version, given = row.given,
     created_at = row.created_at, updated_at = row.updated_at
   FROM ${WRITTEN}
   WHERE objects.organization_key = row.organization_key AND objects.kind = row.kind
     AND objects.scope_key = row.scope_key AND objects.id = row.id`,
);

/** Updates objects that the transaction has locked. */
export async function updateObjects(transaction: Queryable, objects: readonly ObjectWrite[]): Promise<void> {
  await transaction.query(UPDATE, writeColumns(objects));
}

const READ = statement(
  'read_objects',
  `SELECT ${COLUMNS.replaceAll(/\b(\w+)\b/g, 'objects.$1')}
   FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS asked (organization_key, kind, scope_key, id)
   JOIN objects USING (organization_key, kind, scope_key, id)
   WHERE objects.state IS NOT NULL`,
);

/** Returns the existing, not deleted objects of these names, in no particular order. */
export function readObjects(queryable: Queryable, names: readonly ObjectName[]): Promise<ObjectRow[]> {
  return queryable.query<ObjectRow>(READ, nameColumns(names));
}

const PAGE = { columns: COLUMNS, order: 'scope_key, id', limit: '$5', scanRows: '$6' };

/** Index: the primary key. */
const LIST = statement(
  'list_objects',
  boundedScan({
    ...PAGE,
    rows: 'FROM objects WHERE organization_key = $1 AND kind = $2 AND (scope_key, id) > ($3, $4)',
    filter: 'state IS NOT NULL AND ($7::text IS NULL OR scope = $7)',
  }),
);
/** Index: the primary key. */
const LIST_OF_SCOPE = statement(
  'list_objects_of_scope',
  boundedScan({
    ...PAGE,
    order: 'id',
    rows: 'FROM objects WHERE organization_key = $1 AND kind = $2 AND scope_key = $3 AND id > $4',
    filter: 'state IS NOT NULL',
  }),
);

export interface ObjectQuery {
  readonly organizationKey: number;
  readonly kind: string;
  readonly after: { readonly scopeKey: string; readonly id: string };
  /** Whether the scope is part of the objects' identity. */
  readonly scoped: boolean;
  readonly scope: string | null;
  readonly limit: number;
}

/** Lists objects of a kind by scope and id. */
export async function listObjects(queryable: Queryable, query: ObjectQuery): Promise<Scanned<ObjectRow>> {
  const { organizationKey, kind, after, scoped, scope, limit } = query;
  const found =
    scoped && scope !== null
      ? queryable.query<ObjectRow & ScanMarks>(LIST_OF_SCOPE, [
          organizationKey,
          kind,
          scope,
          after.scopeKey === scope ? after.id : '',
          limit,
          SCAN_ROWS,
        ])
      : queryable.query<ObjectRow & ScanMarks>(LIST, [organizationKey, kind, after.scopeKey, after.id, limit, SCAN_ROWS, scope]);
  return scannedRows(await found);
}

function nameColumns(names: readonly ObjectName[]) {
  return [
    plainArray(names.map((name) => name.organizationKey)),
    nameArray(names.map((name) => name.kind)),
    names.map((name) => name.scopeKey),
    names.map((name) => name.id),
  ];
}

function writeColumns(objects: readonly ObjectWrite[]) {
  const states = joinBytes(objects.map(({ state }) => state));
  return [
    ...nameColumns(objects),
    objects.map((object) => object.scope),
    plainArray(objects.map((object) => object.version)),
    objects.map((object) => textArray(object.given)),
    plainArray(objects.map((object) => object.createdAt.toISOString())),
    states.bytes,
    plainArray(objects.map((object) => object.updatedAt.toISOString())),
    plainArray(states.offsets),
    plainArray(states.lengths),
  ];
}

/** Event names contain no characters that an array literal would have to escape. */
function textArray(names: readonly string[]): string {
  return `{${names.map((name) => `"${name}"`).join(',')}}`;
}

const IS_THERE = statement(
  'object_is_there',
  'SELECT state IS NOT NULL AS there FROM objects WHERE organization_key = $1 AND kind = $2 AND scope_key = $3 AND id = $4',
);

/** false: the object was deleted; null: it never existed. */
export async function objectIsThere(queryable: Queryable, { organizationKey, kind, scopeKey, id }: ObjectName): Promise<boolean | null> {
  const [row] = await queryable.query<{ there: boolean }>(IS_THERE, [organizationKey, kind, scopeKey, id]);
  return row?.there ?? null;
}

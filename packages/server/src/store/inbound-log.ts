import { statement, type Queryable } from './database.ts';

/** A request to an inbound URL and its result. */
export interface InboundRequest {
  /** A UUIDv7 of the time of the request. */
  readonly id: string;
  readonly organizationKey: number;
  readonly targetKey: number;
  /** null: no hook of the target has the request's key. */
  readonly hookId: string | null;
  readonly method: string;
  readonly status: number;
  /** The error code; null: the request was accepted. */
  readonly code: string | null;
  /** JSON text. */
  readonly errors: string | null;
  readonly contentType: string | null;
  /** The beginning of the body, masked for display; null: it was not read. */
  readonly payload: string | null;
  readonly payloadBytes: number | null;
  readonly sourceIp: string;
}

const INSERT = statement(
  'insert_inbound_requests',
  `INSERT INTO inbound_requests
     (id, organization_key, target_key, hook_id, method, status, code, errors, content_type, payload, payload_bytes, source_ip)
   SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::uuid[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[], $10::text[],
     $11::int[], $12::text[])`,
);

export async function insertInboundRequests(queryable: Queryable, requests: readonly InboundRequest[]): Promise<void> {
  if (requests.length === 0) return;
  await queryable.query(INSERT, [
    requests.map((request) => request.id),
    requests.map((request) => request.organizationKey),
    requests.map((request) => request.targetKey),
    requests.map((request) => request.hookId),
    requests.map((request) => request.method),
    requests.map((request) => request.status),
    requests.map((request) => request.code),
    requests.map((request) => request.errors),
    requests.map((request) => request.contentType),
    requests.map((request) => request.payload),
    requests.map((request) => request.payloadBytes),
    requests.map((request) => request.sourceIp),
  ]);
}

export interface InboundRequestRow {
  readonly id: string;
  readonly hook_id: string | null;
  readonly method: string;
  readonly status: number;
  readonly code: string | null;
  readonly errors: string | null;
  readonly content_type: string | null;
  readonly payload: string | null;
  readonly payload_bytes: number | null;
  readonly source_ip: string;
}

const COLUMNS = 'id, hook_id, method, status, code, errors, content_type, payload, payload_bytes, source_ip';

/** Indexes: inbound_requests_hook and inbound_requests_target, one for each half. */
const LIST = statement(
  'list_inbound_requests',
  `(SELECT ${COLUMNS} FROM inbound_requests WHERE hook_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3)
   UNION ALL
   (SELECT ${COLUMNS} FROM inbound_requests
    WHERE hook_id IS NULL AND target_key = (SELECT target_key FROM inbound_hooks WHERE id = $1) AND id < $2 ORDER BY id DESC LIMIT $3)
   ORDER BY id DESC LIMIT $3`,
);

/** Lists requests to a hook, newest first, and requests to its target whose key no hook has. */
export function listInboundRequests(
  queryable: Queryable,
  input: { hookId: string; before: string; limit: number },
): Promise<InboundRequestRow[]> {
  return queryable.query<InboundRequestRow>(LIST, [input.hookId, input.before, input.limit]);
}

/** In batches, so that no transaction is long. Index: the primary key. */
const FORGET = statement(
  'forget_inbound_requests',
  `DELETE FROM inbound_requests WHERE ctid = ANY(ARRAY(SELECT ctid FROM inbound_requests WHERE id < $1 LIMIT 10000)) RETURNING 1 AS gone`,
);

/** Deletes requests with lower ids, which are older. */
export async function forgetInboundRequests(queryable: Queryable, below: string): Promise<void> {
  while ((await queryable.query(FORGET, [below])).length > 0);
}

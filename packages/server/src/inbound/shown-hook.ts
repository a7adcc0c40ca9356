import type { FieldError, InboundTargetKind } from '@posthorn/protocol';
import { timeOfId } from '../ids/uuid-time.ts';
import type { InboundHookRow } from '../store/inbound-hooks.ts';
import type { InboundRequestRow } from '../store/inbound-log.ts';

/** An inbound hook as it is shown: never its key. */
export interface ShownHook {
  readonly id: string;
  readonly target: { readonly kind: InboundTargetKind; readonly id: string };
  /** The id of the target in its URLs. */
  readonly publicId: string;
  readonly name: string;
  readonly description: string | null;
  readonly enabled: boolean;
  /** The last characters of its current key. */
  readonly keyHint: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A request that an inbound hook received, accepted or refused. */
export interface ShownRequest {
  readonly id: string;
  readonly at: Date;
  readonly accepted: boolean;
  readonly status: number;
  /** The code of the error; null: it was accepted. */
  readonly code: string | null;
  readonly errors: readonly FieldError[];
  readonly method: string;
  readonly contentType: string | null;
  /** The beginning of the body; null: it was not read. */
  readonly payload: string | null;
  readonly payloadBytes: number | null;
  readonly sourceIp: string;
  /** Whether it came with a key of one of the hooks of the target. */
  readonly keyKnown: boolean;
}

export function shownHook(row: InboundHookRow): ShownHook {
  return {
    id: row.id,
    target: { kind: row.kind as InboundTargetKind, id: row.target_id },
    publicId: row.public_id,
    name: row.name,
    description: row.description,
    enabled: row.enabled,
    keyHint: row.hint,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export function shownRequest(row: InboundRequestRow): ShownRequest {
  return {
    id: row.id,
    at: new Date(timeOfId(row.id)),
    accepted: row.code === null,
    status: row.status,
    code: row.code,
    errors: row.errors === null ? [] : (JSON.parse(row.errors) as FieldError[]),
    method: row.method,
    contentType: row.content_type,
    payload: row.payload,
    payloadBytes: row.payload_bytes,
    sourceIp: row.source_ip,
    keyKnown: row.hook_id !== null,
  };
}

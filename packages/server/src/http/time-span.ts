import { PosthornError } from '@posthorn/protocol';
import { Type } from 'typebox';
import { isUuid, lowestIdAt } from '../ids/uuid-time.ts';
import { decodeCursor } from './pagination.ts';

/** Query parameters that limit a list to a time span. */
export const SPAN_QUERY = {
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Only entries at or after this time.' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Only entries before this time.' })),
};

export interface SpanQuery {
  readonly from?: string;
  readonly to?: string;
  readonly cursor?: string;
}

/** A range of ids: `from` is included, `below` is not. */
export interface IdRange {
  readonly from: string;
  readonly below: string;
}

const LOWEST = '00000000-0000-0000-0000-000000000000';
const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Returns the ids of a time span, below any cursor. Ids contain their time. Throws `invalid_request`. */
export function idRange({ from, to, cursor }: SpanQuery): IdRange {
  const after = idBelow(cursor);
  const end = to === undefined ? HIGHEST : lowestIdAt(timeOf(to, '/querystring/to'));
  return {
    from: from === undefined ? LOWEST : lowestIdAt(timeOf(from, '/querystring/from')),
    below: after < end ? after : end,
  };
}

/** The id below which a page of a list by id begins; without a cursor, the highest. Throws `invalid_request`. */
export function idBelow(cursor: string | undefined): string {
  return decodeCursor(cursor, isUuid)?.toLowerCase() ?? HIGHEST;
}

/** Returns milliseconds since the epoch. Throws `invalid_request` for leap seconds, which `date-time` accepts. */
export function timeOf(text: string, path: string): number {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  const message = 'is not a valid time. Write it like 2026-01-31T08:00:00Z';
  throw new PosthornError('invalid_request', `${path} ${message}.`, { errors: [{ path, rule: 'date-time', message }] });
}

import { PosthornError } from '@posthorn/protocol';
import { Type } from 'typebox';
import { isUuid, lowestIdAt } from '../store/uuid-time.ts';
import { decodeCursor } from './pagination.ts';

/** Query parameters that bound a list in time. */
export const SPAN_QUERY = {
  from: Type.Optional(Type.String({ format: 'date-time', description: 'Not before this moment.' })),
  to: Type.Optional(Type.String({ format: 'date-time', description: 'Before this moment.' })),
};

export interface SpanQuery {
  readonly from?: string;
  readonly to?: string;
  readonly cursor?: string;
}

/** The ids from `from` to below `below`. */
export interface IdRange {
  readonly from: string;
  readonly below: string;
}

const LOWEST = '00000000-0000-0000-0000-000000000000';
const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The ids of a time span, below the cursor where there is one: ids carry their time. Throws `invalid_request`. */
export function idRange({ from, to, cursor }: SpanQuery): IdRange {
  const after = decodeCursor(cursor, isUuid)?.toLowerCase();
  const end = to === undefined ? HIGHEST : lowestIdAt(timeOf(to, '/querystring/to'));
  return {
    from: from === undefined ? LOWEST : lowestIdAt(timeOf(from, '/querystring/from')),
    below: after !== undefined && after < end ? after : end,
  };
}

/** Milliseconds since the epoch. The format date-time takes moments that JavaScript does not know, such as leap seconds. Throws `invalid_request`. */
export function timeOf(text: string, path: string): number {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  const message = 'is not a moment that can be read; write it like 2026-01-31T08:00:00Z';
  throw new PosthornError('invalid_request', `${path} ${message}.`, { errors: [{ path, rule: 'date-time', message }] });
}

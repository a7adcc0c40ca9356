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

const LOWEST = '00000000-0000-0000-0000-000000000000';
const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The ids of a time span, below the cursor where there is one: ids carry their time. */
export function idRange({ from, to, cursor }: SpanQuery): { from: string; below: string } {
  const after = decodeCursor(cursor, isUuid);
  return {
    from: from === undefined ? LOWEST : lowestIdAt(Date.parse(from)),
    below: after ?? (to === undefined ? HIGHEST : lowestIdAt(Date.parse(to))),
  };
}

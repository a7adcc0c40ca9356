import { PosthornError } from '@posthorn/protocol';
import { Type, type TSchema } from 'typebox';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 250;

/** The query parameters of every list. */
export const PAGE_QUERY = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT, description: 'The most entries per page.' })),
  cursor: Type.Optional(Type.String({ maxLength: 500, description: 'nextCursor of the previous page.' })),
};

export interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Page<Item> {
  readonly data: Item[];
  /** null if this is the last page. A page may have fewer entries than its limit, even none, and not be the last. */
  readonly nextCursor: string | null;
}

const NextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'null if this is the last page. A page may have fewer entries than `limit`, even none, and not be the last.',
});

/** Returns the schema of a page of items. */
export function pageOf(item: TSchema): TSchema {
  return Type.Object({ data: Type.Array(item), nextCursor: NextCursor });
}

export function encodeCursor(position: string): string {
  return Buffer.from(position).toString('base64url');
}

/** Returns the position that a cursor encodes; null for the first page. Throws `invalid_request`. */
export function decodeCursor(cursor: string | undefined, isPosition: (text: string) => boolean): string | null {
  if (cursor === undefined) return null;
  const position = Buffer.from(cursor, 'base64url').toString();
  if (isPosition(position)) return position;
  throw new PosthornError('invalid_request', 'The cursor does not belong to this list. Send a nextCursor of this list, or leave it out.', {
    errors: [
      { path: '/querystring/cursor', rule: 'cursor', message: 'is not a cursor of this list. Leave it out to start with the first page' },
    ],
  });
}

interface Shown<Row, Item, Position> {
  readonly item: (row: Row) => Item;
  readonly position: (row: Position) => string;
}

/** Returns a page of `limit` entries. The rows must have been read with a limit one higher. */
export function pageFrom<Row, Item>(rows: readonly Row[], limit: number, { item, position }: Shown<Row, Item, Row>): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { data: shown.map(item), nextCursor: rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null };
}

/** The result of a search. */
interface Found<Row, Position> {
  readonly rows: readonly Row[];
  /** Where the search stopped before it had found enough; null if it did not. */
  readonly stoppedAt: Position | null;
}

/** Like `pageFrom`, for a search that may stop before it has found enough. The next page continues there. */
export function pageFromScan<Row extends Position, Item, Position>(
  { rows, stoppedAt }: Found<Row, Position>,
  limit: number,
  shown: Shown<Row, Item, Position>,
): Page<Item> {
  const page = pageFrom(rows, limit, shown);
  return page.nextCursor === null && stoppedAt !== null ? { ...page, nextCursor: encodeCursor(shown.position(stoppedAt)) } : page;
}

import { PosthornError } from '@posthorn/protocol';
import { Type, type TSchema } from 'typebox';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 250;

/** The query parameters of every list. */
export const PAGE_QUERY = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT, description: 'Entries a page.' })),
  cursor: Type.Optional(Type.String({ maxLength: 500, description: 'nextCursor of the page before.' })),
};

export interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

export interface Page<Item> {
  readonly data: Item[];
  /** null: there is no further page. A page may hold fewer entries than its limit, even none, although there is one. */
  readonly nextCursor: string | null;
}

const NextCursor = Type.Union([Type.String(), Type.Null()], {
  description: 'null: there is no further page. A page may hold fewer entries than `limit`, even none, and still have a next one.',
});

/** The schema of a page of something. */
export function pageOf(item: TSchema): TSchema {
  return Type.Object({ data: Type.Array(item), nextCursor: NextCursor });
}

export function encodeCursor(position: string): string {
  return Buffer.from(position).toString('base64url');
}

/** The position a cursor stands for; null: the beginning. Throws `invalid_request`. */
export function decodeCursor(cursor: string | undefined, isPosition: (text: string) => boolean): string | null {
  if (cursor === undefined) return null;
  const position = Buffer.from(cursor, 'base64url').toString();
  if (isPosition(position)) return position;
  throw new PosthornError('invalid_request', 'The cursor is not one that this list gave.', {
    errors: [{ path: '/querystring/cursor', rule: 'cursor', message: 'is not a cursor of this list; leave it out to begin anew' }],
  });
}

interface Shown<Row, Item, Position> {
  readonly item: (row: Row) => Item;
  readonly position: (row: Position) => string;
}

/** A page of `limit` from rows of which one more than that was asked for. */
export function pageFrom<Row, Item>(rows: readonly Row[], limit: number, { item, position }: Shown<Row, Item, Row>): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { data: shown.map(item), nextCursor: rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null };
}

/** What a search found. */
interface Found<Row, Position> {
  readonly rows: readonly Row[];
  /** Where it stopped before it had found enough; null: it did not. */
  readonly stoppedAt: Position | null;
}

/** As `pageFrom`, of a search that may stop before it has found enough: the next page continues there. */
export function pageFromScan<Row extends Position, Item, Position>(
  { rows, stoppedAt }: Found<Row, Position>,
  limit: number,
  shown: Shown<Row, Item, Position>,
): Page<Item> {
  const page = pageFrom(rows, limit, shown);
  return page.nextCursor === null && stoppedAt !== null ? { ...page, nextCursor: encodeCursor(shown.position(stoppedAt)) } : page;
}

import { v7 } from 'uuid';

/** Makes a UUIDv7 for a moment (RFC 9562, section 5.7); later calls of one process sort after earlier ones. */
export type NewId = () => string;

export const newId: NewId = () => v7();

/** The millisecond that a UUIDv7 carries. */
export function timeOfId(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The lowest UUID of a millisecond: every UUIDv7 made at or after it is larger. */
export function lowestIdAt(timeMs: number): string {
  const hex = Math.max(0, Math.floor(timeMs)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether PostgreSQL would take the text as a uuid in its usual form. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

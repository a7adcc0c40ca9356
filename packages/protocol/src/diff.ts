import { ExactNumber, sameNumber } from './exact-number.ts';
import type { Json, JsonObject } from './json.ts';

/** A field's values before and after a change; undefined if it did not exist or was removed. */
export interface FieldChange {
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** The changed fields by name, in the order of the new state. Removed fields follow. */
export type Changes = Readonly<Record<string, FieldChange>>;

/** Whether two JSON values are equal. The order of items matters; key order and the spelling of numbers don't. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof ExactNumber || b instanceof ExactNumber) return a instanceof ExactNumber && b instanceof ExactNumber && sameNumber(a, b);
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key]));
}

/**
 * Returns the fields that differ between two objects, each with its whole value before and after.
 *
 * @example
 * diffFields({ status: 'draft', name: 'A' }, { status: 'signed', name: 'A' });
 * // { status: { before: 'draft', after: 'signed' } }
 */
export function diffFields(before: JsonObject, after: JsonObject): Changes {
  const changes: [string, FieldChange][] = [];
  for (const [name, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, name) ? before[name] : undefined;
    if (!sameJson(old, value)) changes.push([name, { before: old, after: value }]);
  }
  for (const [name, value] of Object.entries(before)) {
    if (!Object.hasOwn(after, name)) changes.push([name, { before: value, after: undefined }]);
  }
  return Object.fromEntries(changes);
}

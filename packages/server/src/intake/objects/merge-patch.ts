import { ExactNumber, type Json, type JsonObject } from '@posthorn/protocol';

/** Applies a JSON merge patch (RFC 7396): null removes a field, objects are merged, other values replace. */
export function mergePatch(state: JsonObject, patch: JsonObject): JsonObject {
  const merged: [string, Json][] = [];
  for (const [name, value] of Object.entries(state)) {
    if (!Object.hasOwn(patch, name)) merged.push([name, value]);
    else merged.push(...patched(name, value, patch[name]));
  }
  for (const [name, value] of Object.entries(patch)) {
    if (!Object.hasOwn(state, name)) merged.push(...patched(name, undefined, value));
  }
  return Object.fromEntries(merged);
}

function patched(name: string, value: Json | undefined, patch: Json | undefined): [string, Json][] {
  if (patch === null || patch === undefined) return [];
  if (!isObject(patch)) return [[name, patch]];
  return [[name, mergePatch(value !== undefined && isObject(value) ? value : {}, patch)]];
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

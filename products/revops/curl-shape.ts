import type { EmittedEvent, JsonObject } from '@posthorn/sdk';

/** Reads the document's own shape, `{"deal": {…}, "event": "deal-created"}`. `event` is a name or `{type, id?}`. */
export function eventOf({ event, deal, account }: JsonObject): EmittedEvent | null {
  const data = deal ?? account;
  if (!isObject(data)) return null;
  if (typeof event === 'string') return { type: event, data };
  if (!isObject(event) || typeof event['type'] !== 'string') return null;
  const { type, id } = event;
  return { type, data, ...(typeof id === 'string' && { id }) };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import type { Json, JsonObject } from '@posthorn/protocol';

export interface DigestParts {
  readonly entries: readonly Json[];
  /** Returns the event data for these entries. */
  readonly data: (entries: readonly Json[]) => JsonObject;
  /** Returns the size of the body with this data. */
  readonly bodyBytes: (data: JsonObject) => number;
  readonly maxBodyBytes: number;
}

/**
 * Splits entries, in order, into as few events as possible within the size limit. A larger entry gets its own event.
 */
export function splitDigest({ entries, data, bodyBytes, maxBodyBytes }: DigestParts): JsonObject[] {
  if (entries.length === 0) return [];
  const all = data(entries);
  if (entries.length === 1 || bodyBytes(all) <= maxBodyBytes) return [all];
  const chunks = chunksBySize(entries, maxBodyBytes - bodyBytes(data([])));
  // `data` may produce more bytes than its entries: a single chunk that is too large is halved.
  const [only] = chunks;
  const parts = chunks.length === 1 && only ? [only.slice(0, only.length >> 1), only.slice(only.length >> 1)] : chunks;
  return parts.flatMap((part) => splitDigest({ entries: part, data, bodyBytes, maxBodyBytes }));
}

function chunksBySize(entries: readonly Json[], room: number): Json[][] {
  const chunks: Json[][] = [];
  let left = 0;
  for (const entry of entries) {
    const size = Buffer.byteLength(JSON.stringify(entry)) + 1;
    const chunk = chunks.at(-1);
    if (chunk && size <= left) {
      chunk.push(entry);
      left -= size;
    } else {
      chunks.push([entry]);
      left = room - size;
    }
  }
  return chunks;
}

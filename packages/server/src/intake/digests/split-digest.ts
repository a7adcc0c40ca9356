import type { Json, JsonObject } from '@posthorn/protocol';

export interface DigestParts {
  readonly entries: readonly Json[];
  /** The event's data of some of the entries. */
  readonly data: (entries: readonly Json[]) => JsonObject;
  /** The bytes of the body that such data makes. */
  readonly bodyBytes: (data: JsonObject) => number;
  readonly maxBodyBytes: number;
}

/**
 * As few events as hold all entries in order, none larger than the limit. One entry that is larger by itself goes alone.
 */
export function splitDigest({ entries, data, bodyBytes, maxBodyBytes }: DigestParts): JsonObject[] {
  if (entries.length === 0) return [];
  const all = data(entries);
  if (entries.length === 1 || bodyBytes(all) <= maxBodyBytes) return [all];
  const chunks = chunksBySize(entries, maxBodyBytes - bodyBytes(data([])));
  // What `data` makes of entries is its own affair: a chunk that came out larger than its entries is halved.
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

export interface JoinedBytes {
  readonly bytes: Buffer;
  /** Counted from 1, as `substring(… FROM …)` does; null where the part was null. */
  readonly offsets: (number | null)[];
  readonly lengths: (number | null)[];
}

/**
 * Many byte strings as one parameter. A bytea[] would travel as escaped text, several times the bytes;
 * one bytea travels as it is, and the server cuts slices out of it without copying the whole.
 */
export function joinBytes(parts: readonly (Uint8Array | null)[]): JoinedBytes {
  const offsets: (number | null)[] = [];
  const lengths: (number | null)[] = [];
  const present: Uint8Array[] = [];
  let at = 1;
  for (const part of parts) {
    offsets.push(part ? at : null);
    lengths.push(part ? part.length : null);
    if (!part) continue;
    present.push(part);
    at += part.length;
  }
  return { bytes: Buffer.concat(present, at - 1), offsets, lengths };
}

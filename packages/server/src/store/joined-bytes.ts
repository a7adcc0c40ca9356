export interface JoinedBytes {
  readonly bytes: Buffer;
  /** Counted from 1, like `substring(… FROM …)`; null if the part was null. */
  readonly offsets: (number | null)[];
  readonly lengths: (number | null)[];
}

/**
 * Joins many texts (as UTF-8) or byte strings into one parameter. A bytea[] is sent as escaped text, several times the
 * size; one bytea is sent as it is, and the server slices it without copying the whole.
 */
export function joinBytes(parts: readonly (Uint8Array | string | null)[]): JoinedBytes {
  const lengths = parts.map((part) => (part === null ? null : typeof part === 'string' ? Buffer.byteLength(part) : part.length));
  let size = 0;
  const offsets = lengths.map((length) => (length === null ? null : (size += length) - length + 1));
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  parts.forEach((part, index) => {
    if (typeof part === 'string') bytes.write(part, at);
    else if (part !== null) bytes.set(part, at);
    at += lengths[index] ?? 0;
  });
  return { bytes, offsets, lengths };
}

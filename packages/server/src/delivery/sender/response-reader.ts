import type { HeaderList } from '@posthorn/protocol';
import type { ReceivedResponse } from './exchange.ts';

/** How much of a response body is read. */
export const MAX_BODY_BYTES = 65_536;

const MAX_HEADER_LINES = 100;
const EMPTY = Buffer.alloc(0);

/** Collects one response within its limits. */
export class ResponseReader {
  readonly status: number;
  readonly headers: HeaderList;
  #body: Buffer = EMPTY;
  #length = 0;

  constructor(status: number, rawHeaders: unknown) {
    this.status = status;
    this.headers = headerList(rawHeaders);
  }

  /** Adds a chunk of the body. Returns whether there is room for more. */
  add(chunk: Buffer): boolean {
    const length = this.#length + chunk.length;
    if (this.#length === 0 && length <= MAX_BODY_BYTES) {
      this.#body = chunk;
      this.#length = length;
      return true;
    }
    // Copied together instead of kept as a list: a chunk may have one byte, and its object takes a hundred.
    const kept = Math.min(length, MAX_BODY_BYTES);
    if (this.#body.length < kept) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(kept, this.#body.length * 2, 1_024), MAX_BODY_BYTES));
      this.#body.copy(grown, 0, 0, this.#length);
      this.#body = grown;
    }
    chunk.copy(this.#body, this.#length, 0, kept - this.#length);
    this.#length = kept;
    return length <= MAX_BODY_BYTES;
  }

  /** Whether a response that must not have a body (RFC 9112, section 6.3) announces one. That body may never arrive. */
  announcesForbiddenBody(): boolean {
    if (this.status !== 204 && this.status !== 304) return false;
    return this.headers.some(([name, value]) => {
      const lower = name.toLowerCase();
      return lower === 'transfer-encoding' || (lower === 'content-length' && !/^0+$/.test(value));
    });
  }

  response(truncated: boolean): ReceivedResponse {
    return { status: this.status, headers: this.headers, body: this.#body.subarray(0, this.#length), truncated };
  }
}

function headerList(raw: unknown): HeaderList {
  const list: [string, string][] = [];
  if (!Array.isArray(raw)) return list;
  const end = Math.min(raw.length - 1, MAX_HEADER_LINES * 2);
  for (let index = 0; index < end; index += 2) list.push([latin1(raw[index]), latin1(raw[index + 1])]);
  return list;
}

function latin1(bytes: unknown): string {
  return Buffer.isBuffer(bytes) ? bytes.toString('latin1') : String(bytes);
}

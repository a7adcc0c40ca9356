import type { Socket } from 'node:net';
import { NamedFailure, named } from './failures.ts';

/** Maximum interim (1xx) responses before the final one. */
const MAX_INTERIM = 100;
/** Maximum bytes of an interim response. */
const MAX_INTERIM_BYTES = 32_768;

const FLOOD = named('bad_response', `The endpoint sent more than ${MAX_INTERIM} interim (1xx) responses and no final one.`);
const TOO_LARGE = named('response_too_large', 'The headers of an interim (1xx) response are larger than 32 KiB.');

const START = Buffer.from('HTTP/1.1 1');
const MINOR_VERSION = START.indexOf('1 1');
const SWITCHING_PROTOCOLS = Buffer.from('01');
const END = '\r\n\r\n';

/**
 * Removes interim responses from what a socket reads. A client must be able to skip unexpected ones (RFC 9110, section
 * 15.2), but undici ends the connection at a 100, and skips any number of the others.
 */
export class InterimFilter {
  /** Whether any part of a response to the current request has arrived. */
  answered = false;
  #expecting = false;
  #interim = 0;
  #held: Buffer | null = null;

  /** A request is being written. */
  expectResponse(): void {
    this.answered = false;
    this.#expecting = true;
    this.#interim = 0;
    this.#held = null;
  }

  /** Makes the socket's reads pass through the filter. */
  attach(socket: Socket): void {
    const read = socket.read.bind(socket);
    this.#expecting = false;
    socket.read = (size) => {
      let chunk: unknown = read(size);
      while (this.#expecting && Buffer.isBuffer(chunk)) {
        const rest = this.#skip(chunk, socket);
        if (rest !== null) return rest;
        chunk = read(size);
      }
      return chunk;
    };
  }

  /** Returns the bytes for the HTTP client; null: none. */
  #skip(chunk: Buffer, socket: Socket): Buffer | null {
    this.answered = true;
    let bytes = this.#held === null ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = null;
    for (let kind = kindOf(bytes); kind !== 'other'; kind = kindOf(bytes)) {
      const end = kind === 'unclear' ? -1 : bytes.indexOf(END);
      if ((end === -1 ? bytes.length : end) > MAX_INTERIM_BYTES) return this.#fail(socket, TOO_LARGE);
      if (end === -1) {
        this.#held = bytes;
        return null;
      }
      if (++this.#interim > MAX_INTERIM) return this.#fail(socket, FLOOD);
      bytes = bytes.subarray(end + END.length);
    }
    this.#expecting = false;
    return bytes;
  }

  #fail(socket: Socket, failure: typeof FLOOD): null {
    this.#expecting = false;
    socket.destroy(new NamedFailure(failure));
    return null;
  }
}

/** Classifies by the first bytes, which may be too few. The HTTP client rejects a 101 itself. */
function kindOf(bytes: Buffer): 'interim' | 'unclear' | 'other' {
  for (let index = 0; index < START.length; index++) {
    if (index >= bytes.length) return 'unclear';
    if (bytes[index] !== START[index] && index !== MINOR_VERSION) return 'other';
  }
  if (bytes.length < START.length + 2) return 'unclear';
  return bytes.subarray(START.length, START.length + 2).equals(SWITCHING_PROTOCOLS) ? 'other' : 'interim';
}

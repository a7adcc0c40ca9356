import type { IncomingMessage } from 'node:http';
import type { BodyReservation } from './body-budget.ts';
import { sendContinue } from './expect-continue.ts';

/** Why a body was not read. */
export type UnreadBody = 'too large' | 'no room' | 'too slow' | 'aborted';

export interface BodyReadOptions {
  readonly maxBytes: number;
  /** For the whole body, so that a slow but steady one ends too. */
  readonly timeoutMs: number;
  /** Covers the bytes of the body. The caller must release it. */
  readonly reservation: BodyReservation;
}

/** The size of the first buffer for a body without `Content-Length`. */
const FIRST_BYTES = 16 * 1024;

/**
 * Reads a body into one buffer: of its `Content-Length`, or doubled as it grows. A list of chunks would take a hundred
 * times the bytes of a body that arrives byte by byte. If the body is not read, the rest of it is discarded.
 */
export function readBody(message: IncomingMessage, options: BodyReadOptions, done: (body: Buffer | UnreadBody) => void): void {
  const { maxBytes, timeoutMs, reservation } = options;
  const announced = message.headers['content-length'];
  const first = announced === undefined ? Math.min(FIRST_BYTES, maxBytes) : Number(announced);
  if (first > maxBytes) return done('too large');
  if (message.destroyed) return done('aborted');
  if (!reservation.growTo(first)) return done('no room');
  let buffer = Buffer.allocUnsafe(first);
  let length = 0;

  const finish = (result: Buffer | UnreadBody): void => {
    clearTimeout(timer);
    message.off('data', onData).off('end', onEnd).off('error', onAborted).off('close', onAborted);
    if (typeof result === 'string') message.on('error', () => {}).resume();
    done(result);
  };
  const onData = (chunk: Buffer): void => {
    const needed = length + chunk.length;
    if (needed > maxBytes) return finish('too large');
    if (needed > buffer.length) {
      const size = Math.min(maxBytes, Math.max(needed, buffer.length * 2));
      if (!reservation.growTo(size)) return finish('no room');
      buffer = Buffer.concat([buffer.subarray(0, length)], size);
    }
    length += chunk.copy(buffer, length);
  };
  const onEnd = (): void => finish(length === buffer.length ? buffer : buffer.subarray(0, length));
  const onAborted = (): void => finish('aborted');
  const timer = setTimeout(finish, timeoutMs, 'too slow');
  message.on('data', onData).on('end', onEnd).on('error', onAborted).on('close', onAborted);
  sendContinue(message);
}

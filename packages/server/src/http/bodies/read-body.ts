import type { IncomingMessage } from 'node:http';
import type { BodyReservation } from './body-budget.ts';
import { sendContinue } from './expect-continue.ts';

/** Why a body was not read. */
export type UnreadBody = 'too large' | 'no room' | 'too slow' | 'aborted';

export interface BodyReadOptions {
  readonly maxBytes: number;
  /** Over the whole body: one that drips ends too. */
  readonly timeoutMs: number;
  /** Holds the bytes of the body afterwards. The caller releases it. */
  readonly reservation: BodyReservation;
}

/** The first buffer of a body that does not tell its length. */
const FIRST_BYTES = 16 * 1024;

/**
 * Reads a body whole into one buffer: of its length, if it tells one, otherwise doubled as it grows. A list of chunks would take
 * a hundred times the bytes of a body that arrives byte by byte. What follows an unread body on the connection is dropped.
 */
export function readBody(message: IncomingMessage, options: BodyReadOptions, done: (body: Buffer | UnreadBody) => void): void {
  const { maxBytes, timeoutMs, reservation } = options;
  const told = message.headers['content-length'];
  const first = told === undefined ? Math.min(FIRST_BYTES, maxBytes) : Number(told);
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

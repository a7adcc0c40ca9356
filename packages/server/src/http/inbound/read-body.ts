import type { Readable } from 'node:stream';
import { PosthornError } from '@posthorn/protocol';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Over the whole body. */
  readonly timeoutMs: number;
}

/**
 * Reads a body whole. Answers `request_timeout` where it has not come in time, `inbound_data` where it is too large; what was
 * read until then is dropped, and the connection is of no use any more.
 */
export function readBody(stream: Readable, { maxBytes, timeoutMs }: BodyLimits): Promise<Buffer | PosthornError> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (result: Buffer | PosthornError): void => {
      clearTimeout(timer);
      stream.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
      if (result instanceof PosthornError) stream.on('error', () => {}).pause();
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) finish(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void => finish(Buffer.concat(chunks, bytes));
    const onLost = (): void => finish(new PosthornError('request_timeout', 'The connection ended before the body was received.'));
    const timer = setTimeout(() => {
      finish(new PosthornError('request_timeout', `The body was not received within ${timeoutMs / 1_000} seconds.`));
    }, timeoutMs);
    stream.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
  });
}

/** A length that is told beforehand need not be waited for. */
export function tooLarge(maxBytes: number): PosthornError {
  const message = `must be at most ${maxBytes} bytes`;
  return new PosthornError('inbound_data', `The body ${message}.`, { errors: [{ path: '', rule: 'max_bytes', message }] });
}

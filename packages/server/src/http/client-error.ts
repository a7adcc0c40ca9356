import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ERRORS, PosthornError, type ErrorCode } from '@posthorn/protocol';
import type { FastifyBaseLogger } from 'fastify';
import { problemOf } from './problem.ts';

type ClientErrorHandler = (error: Error & { readonly code?: string }, socket: Socket) => void;

/**
 * Returns a handler that responds to an unreadable request with a problem and closes the connection. It never logs the
 * received bytes, because they may contain keys.
 */
export function answerClientError(log: FastifyBaseLogger): ClientErrorHandler {
  return ({ code: reason }, socket) => {
    // The client has closed the connection, or already has its response.
    if (reason === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const requestId = randomUUID();
    const code = codeOf(reason);
    const { status } = ERRORS[code];
    log.debug({ requestId, status, code, reason }, 'Request refused');
    const body = JSON.stringify(problemOf(new PosthornError(code, DETAILS[code]), requestId));
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
  };
}

type ClientErrorCode = Extract<ErrorCode, 'request_timeout' | 'headers_too_large' | 'malformed_request'>;

const DETAILS: Readonly<Record<ClientErrorCode, string>> = {
  request_timeout: 'The request did not arrive in time. Send it again.',
  headers_too_large: 'The request line and headers are larger than 16 KiB. Shorten the URL or the headers.',
  malformed_request: 'The server received something that is not an HTTP/1.1 request. Check the client and any proxy.',
};

function codeOf(reason: string | undefined): ClientErrorCode {
  if (reason === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout';
  if (reason === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  return 'malformed_request';
}

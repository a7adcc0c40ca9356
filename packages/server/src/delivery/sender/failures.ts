import type { Failure, FailureCode } from '@posthorn/protocol';

/** Ends an exchange, or the opening of its connection, with this failure. */
export class NamedFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'NamedFailure';
    this.failure = failure;
  }
}

/** The stage of an exchange: opening its connection, or using it. */
export type Stage = 'dns' | 'connect' | 'tls' | 'open';

/** The failure of exchanges that a closing sender ends, and of requests to a closed one. */
export const CLOSED = named('timeout', 'Posthorn was shut down before the endpoint had responded.');

const LENGTH_MISMATCH = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
const CUT_OFF = 'The endpoint closed the connection before its response was complete.';

/** Errors that mean the connection could not be opened. On an open connection they mean that it broke. */
const BEFORE_OPEN: ReadonlyMap<string, Failure> = new Map([
  ['ECONNREFUSED', named('connect_refused', 'The endpoint refused the connection: nothing listens on its port.')],
  ['EHOSTUNREACH', named('connect_refused', 'The endpoint cannot be reached: there is no route to its address.')],
  ['ENETUNREACH', named('connect_refused', 'The endpoint cannot be reached: there is no route to its network.')],
  ['ETIMEDOUT', named('connect_timeout', 'The endpoint did not accept the connection in time.')],
]);

const BY_ERROR_CODE: ReadonlyMap<string, Failure> = new Map([
  ['CERT_HAS_EXPIRED', named('tls_expired', 'The endpoint’s TLS certificate, or one in its chain, has expired.')],
  ['CERT_NOT_YET_VALID', named('tls_error', 'The endpoint’s TLS certificate is not valid yet.')],
  ['CERT_REVOKED', named('tls_error', 'The endpoint’s TLS certificate has been revoked.')],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', named('tls_self_signed', 'The endpoint’s TLS certificate is self-signed.')],
  [
    'SELF_SIGNED_CERT_IN_CHAIN',
    named('tls_self_signed', 'The endpoint’s TLS certificate comes from an authority that is not publicly trusted.'),
  ],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    named('tls_error', 'The endpoint does not send the intermediate certificates that lead to a trusted authority.'),
  ],
  ['UNABLE_TO_GET_ISSUER_CERT', named('tls_error', 'The issuer of the endpoint’s TLS certificate is unknown.')],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', named('tls_error', 'The issuer of the endpoint’s TLS certificate is unknown.')],
  ['ERR_TLS_CERT_ALTNAME_INVALID', named('tls_wrong_host', 'The endpoint’s TLS certificate is for another host name.')],
  ['EPROTO', named('tls_error', 'The TLS handshake with the endpoint failed.')],
  ['UND_ERR_HEADERS_OVERFLOW', named('response_too_large', 'The endpoint’s response headers are larger than 32 KiB.')],
]);

const REQUEST_ERRORS: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);
const LOST_CONNECTION: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET']);

/**
 * Maps an error of the network or HTTP client to a failure, before or after a response began. Never includes the
 * error's own text, which may contain addresses.
 */
export function failureOf(error: unknown, { stage, begun }: { readonly stage: Stage; readonly begun: boolean }): Failure {
  if (error instanceof NamedFailure) return error.failure;
  const code = errorCode(error);
  const known = BY_ERROR_CODE.get(code) ?? (stage === 'open' ? undefined : BEFORE_OPEN.get(code));
  if (known !== undefined) return known;
  if (requestInvalid(error))
    return named('bad_response', 'The request could not be sent: its URL or one of its headers is not valid for HTTP.');
  if (endedEarly(error, begun)) return named('reset', CUT_OFF);
  if (protocolBroken(error)) return named('bad_response', 'The endpoint’s response is not valid HTTP/1.1.');
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return named('tls_error', 'The TLS handshake with the endpoint failed.');
  if (stage === 'tls') return named('tls_error', 'The endpoint closed the connection during the TLS handshake.');
  if (stage !== 'open') return named('connect_refused', 'The connection to the endpoint could not be opened.');
  return named('reset', CUT_OFF);
}

/** The failure of an exchange whose deadline passed at this stage. */
export function failureAtDeadline(stage: Stage, timeoutMs: number): Failure {
  const time = timeoutMs % 1_000 === 0 ? `${timeoutMs / 1_000} s` : `${timeoutMs} ms`;
  switch (stage) {
    case 'dns':
      return named('dns', `The endpoint’s host name was not resolved within ${time}.`);
    case 'connect':
      return named('connect_timeout', `The endpoint did not accept the connection within ${time}.`);
    case 'tls':
      return named('connect_timeout', `The TLS handshake with the endpoint did not end within ${time}.`);
    case 'open':
      return named('timeout', `The endpoint did not complete its response within ${time}.`);
  }
}

/** Whether the HTTP client refused the request, as opposed to a broken connection. */
export function requestInvalid(error: unknown): boolean {
  return REQUEST_ERRORS.has(errorCode(error));
}

/** Whether the connection was lost, as opposed to an invalid response. */
export function connectionLost(error: unknown): boolean {
  return LOST_CONNECTION.has(errorCode(error)) && !protocolBroken(error);
}

export function named(code: FailureCode, message: string): Failure {
  return { code, message };
}

// undici 8 gives parser errors no code, and throws the same class for a closed socket and for an unexpected response
// (on an idle connection, an upgrade). The tests with real sockets verify these texts.
function protocolBroken(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error.name === 'HTTPParserError' ||
      errorCode(error) === LENGTH_MISMATCH ||
      error.message === 'bad response' ||
      error.message === 'bad upgrade')
  );
}

// undici compares lengths whenever its parser fails: before a response has begun, that says nothing about its end.
function endedEarly(error: unknown, begun: boolean): boolean {
  if (!begun || !(error instanceof Error)) return false;
  return errorCode(error) === LENGTH_MISMATCH || (error.name === 'HTTPParserError' && error.message.includes('EOF'));
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

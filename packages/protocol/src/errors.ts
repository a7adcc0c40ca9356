/** An error of the API: its stable code, the HTTP status it gets at the edge, and what it means. */
export interface ErrorDefinition {
  readonly status: number;
  /** Short, the same for every occurrence. */
  readonly title: string;
  /** For `docs/errors.md`: when it happens and what to do. */
  readonly help: string;
}

/** Every code that the API answers with. `docs/errors.md` is held in step with it by a test. */
export const ERRORS = {
  malformed_json: {
    status: 400,
    title: 'The body is not valid JSON',
    help: 'The body could not be parsed. `detail` says where. Send one JSON value in UTF-8 with `Content-Type: application/json`.',
  },
  malformed_request: {
    status: 400,
    title: 'The request is not valid HTTP',
    help: 'The request could not be read, and the connection was closed. A proxy or a client between you and the server sends something that HTTP/1.1 does not allow.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    help: 'The request line and the headers may have 16 KiB together.',
  },
  unsafe_number: {
    status: 422,
    title: 'A number cannot be kept exactly',
    help: 'Numbers are kept with all their digits, up to 1,000 characters and exponents of 1,000. Send a longer one as a string.',
  },
  invalid_request: {
    status: 422,
    title: 'The request does not have the expected shape',
    help: 'A field is missing, unknown, or of the wrong type. `errors` names each with its path and rule. Nothing was stored.',
  },
  invalid_data: {
    status: 422,
    title: 'The data does not satisfy the event type’s schema',
    help: '`errors` names each failing field. Nothing was stored. `GET …/event-types` shows the schema and a sample.',
  },
  unknown_event_type: {
    status: 422,
    title: 'The product has no such event type',
    help: 'See `GET …/event-types` for the types of the organization’s product.',
  },
  unknown_object_kind: {
    status: 404,
    title: 'The product has no such object kind',
    help: 'See `GET …/object-kinds` for the kinds of the organization’s product.',
  },
  invalid_state: {
    status: 422,
    title: 'The state does not satisfy the schema of its kind',
    help: '`errors` names each failing field. Nothing was stored. `GET …/object-kinds` shows the schema.',
  },
  version_mismatch: {
    status: 412,
    title: 'The object is not in the version that was expected',
    help: 'Someone changed it meanwhile. Read it again, and send `If-Match` with the version that you read.',
  },
  unauthenticated: {
    status: 401,
    title: 'No valid API key',
    help: 'Send `Authorization: Bearer <key>` with a key that exists, is not revoked and has not expired.',
  },
  forbidden: {
    status: 403,
    title: 'The API key may not do this',
    help: 'The key belongs to an organization; this needs the root key.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing at this address',
    help: 'The route does not exist, or the thing it names does not exist in this organization.',
  },
  organization_not_found: {
    status: 404,
    title: 'There is no such organization',
    help: 'It was never made, was deleted, or the key belongs to another organization.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The address does not take this method',
    help: '`Allow` names the methods it takes.',
  },
  conflict: {
    status: 409,
    title: 'The state of the resource does not allow this',
    help: '`detail` says what stands in the way.',
  },
  idempotency_in_flight: {
    status: 409,
    title: 'A request with this Idempotency-Key is still being worked on',
    help: 'Wait for the first request to end, then repeat; it will get the first answer.',
  },
  idempotency_mismatch: {
    status: 422,
    title: 'This Idempotency-Key was used with another request',
    help: 'A key stands for one request for 24 hours. Use a new key for a new request.',
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    help: 'It has more bytes than the route takes, or holds more than 250,000 keys, 250,000 objects and arrays, or 1,000,000 values. `detail` says which. Send less, or split a batch.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body’s content type is not supported',
    help: 'Send `Content-Type: application/json`.',
  },
  blocked_url: {
    status: 422,
    title: 'Webhooks may not reach this address',
    help: 'The URL points to a private, loopback, link-local or otherwise reserved address. The operator may allow networks with `POSTHORN_ALLOW_TARGETS`.',
  },
  inbound_disabled: {
    status: 403,
    title: 'Inbound hooks are off for this organization',
    help: 'The operator turns them on with `PATCH /v1/organizations/{org} {"inbound": true}`.',
  },
  inbound_key_wrong: {
    status: 401,
    title: 'The key in the URL is not valid',
    help: 'The target was found, but none of its inbound hooks has this key now. Copy the URL again, or rotate the key.',
  },
  inbound_prevented: {
    status: 403,
    title: 'Access is prevented',
    help: 'The target was found and the key is valid. Why it is prevented is not said to the caller; the organization sees it in the inbound hook’s requests.',
  },
  inbound_data: {
    status: 400,
    title: 'The data supplied was not in the correct format',
    help: '`errors` names every failing field and rule. Nothing was stored.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long',
    help: 'The body was not received in time. Nothing was stored; the request may be sent again.',
  },
  gone: {
    status: 410,
    title: 'The target was deleted',
    help: 'It takes no more data.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    help: 'The address or the target has reached its limit. Repeat after the seconds in `Retry-After`.',
  },
  maintenance: {
    status: 503,
    title: 'Temporarily unavailable',
    help: 'The operator has switched on maintenance mode. Nothing was stored. Repeat after the seconds in `Retry-After`.',
  },
  overloaded: {
    status: 503,
    title: 'Too much is waiting to be stored',
    help: 'Nothing was stored. Repeat after the seconds in `Retry-After`.',
  },
  query_timeout: {
    status: 503,
    title: 'The query took too long',
    help: 'It was given up; nothing has changed. Ask for less: a shorter time span with `from` and `to`, a smaller `limit`, a webhook, one page after the other. Repeat after the seconds in `Retry-After`.',
  },
  unavailable: {
    status: 503,
    title: 'The server cannot take requests now',
    help: 'It is starting, stopping, or its database does not answer. Repeat after the seconds in `Retry-After`, with the same `id` or `Idempotency-Key`: an event that was stored after all is then not stored twice.',
  },
  internal: {
    status: 500,
    title: 'Unexpected error',
    help: 'A fault of the server. `requestId` finds it in the log.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** One failing field: where (a JSON Pointer), which rule, and a sentence. */
export interface FieldError {
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}

/** A call that cannot be served. Only the HTTP edge turns it into a status. */
export class PosthornError extends Error {
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[];
  readonly retryAfterSeconds: number | null;

  constructor(code: ErrorCode, detail: string, more: { errors?: readonly FieldError[]; retryAfterSeconds?: number; cause?: unknown } = {}) {
    super(detail, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'PosthornError';
    this.code = code;
    this.errors = more.errors ?? [];
    this.retryAfterSeconds = more.retryAfterSeconds ?? null;
  }
}

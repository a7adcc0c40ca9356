/** The HTTP status, title and help text of an error code. */
export interface ErrorDefinition {
  readonly status: number;
  /** Short, and the same for every occurrence. */
  readonly title: string;
  /** When the error happens and what to do. Published in `docs/errors.md`. */
  readonly help: string;
}

/** Every error code of the API. `npm run docs:errors` writes `docs/errors.md` from it; a test compares them. */
export const ERRORS = {
  malformed_json: {
    status: 400,
    title: 'The body is not valid JSON',
    help: 'The body could not be parsed. `detail` says where. Send one JSON value in UTF-8 with `Content-Type: application/json`.',
  },
  malformed_request: {
    status: 400,
    title: 'The request is not valid HTTP',
    help: 'The request could not be parsed, and the connection was closed. Your client, or a proxy between you and the server, sends something that HTTP/1.1 does not allow.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    help: 'The request line and the headers together exceed 16 KiB. Send fewer or shorter headers.',
  },
  unsafe_number: {
    status: 422,
    title: 'A number cannot be stored exactly',
    help: 'A number may have 1,000 characters and an exponent from -1,000 to 1,000. Within these limits it keeps all its digits. Send a longer one as a string.',
  },
  invalid_request: {
    status: 422,
    title: 'The request does not have the expected shape',
    help: 'A field is missing, unknown, or of the wrong type. `errors` names each with its path and rule. Nothing was stored.',
  },
  invalid_data: {
    status: 422,
    title: 'The data does not satisfy the event type’s schema',
    help: '`errors` names each field that fails. Nothing was stored. `GET …/event-types` shows the schema and a sample.',
  },
  unknown_event_type: {
    status: 422,
    title: 'The product does not have this event type',
    help: '`GET …/event-types` lists the types of the organization’s product.',
  },
  unknown_object_kind: {
    status: 404,
    title: 'The product does not have this object kind',
    help: '`GET …/object-kinds` lists the kinds of the organization’s product.',
  },
  invalid_state: {
    status: 422,
    title: 'The state does not satisfy the schema of its kind',
    help: '`errors` names each field that fails. Nothing was stored. `GET …/object-kinds` shows the schema.',
  },
  version_mismatch: {
    status: 412,
    title: 'The object does not have the expected version',
    help: 'Another request changed the object, or it exists or is missing contrary to your condition. Get the object again, and send `If-Match` with its current version.',
  },
  unauthenticated: {
    status: 401,
    title: 'No valid API key',
    help: 'Send `Authorization: Bearer <key>` with a key that exists, is not revoked and has not expired.',
  },
  forbidden: {
    status: 403,
    title: 'The API key may not do this',
    help: 'The key belongs to an organization, but this operation needs the root key.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    help: 'The route does not exist, or the resource does not exist in this organization. Check the path and the id.',
  },
  organization_not_found: {
    status: 404,
    title: 'The organization does not exist',
    help: 'The organization was never created, was deleted, or the API key belongs to another organization.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The method is not allowed',
    help: 'The address does not support this method. The `Allow` header lists the methods that it supports.',
  },
  conflict: {
    status: 409,
    title: 'The state of the resource does not allow this',
    help: '`detail` says which state prevents the operation.',
  },
  idempotency_in_flight: {
    status: 409,
    title: 'A request with this Idempotency-Key is still in progress',
    help: 'Wait until the first request has ended, then repeat yours. It returns the first response.',
  },
  idempotency_mismatch: {
    status: 422,
    title: 'This Idempotency-Key was used with another request',
    help: 'A key identifies one request for 24 hours. Use a new key for a new request.',
  },
  payload_too_large: {
    status: 413,
    title: 'The body is too large',
    help: 'The body has more bytes than the route accepts, or more values than the server parses. `detail` says which limit. The limits are 250,000 keys, 250,000 objects and arrays, 100,000 numbers that a double cannot represent, and 1,000,000 values. Send less, or split a batch.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body’s content type is not supported',
    help: 'Send `Content-Type: application/json`.',
  },
  blocked_url: {
    status: 422,
    title: 'Webhooks may not reach this address',
    help: 'The URL points to a private, loopback, link-local or otherwise reserved address. The operator can allow networks with `POSTHORN_ALLOW_TARGETS`.',
  },
  inbound_disabled: {
    status: 403,
    title: 'Inbound hooks are off for this organization',
    help: 'The operator turns them on with `PATCH /v1/organizations/{org} {"inbound": true}`.',
  },
  inbound_key_wrong: {
    status: 401,
    title: 'The key in the URL is not valid',
    help: 'The target exists, but none of its inbound hooks has this key now. Copy the URL again, or rotate the key.',
  },
  inbound_prevented: {
    status: 403,
    title: 'Access is prevented',
    help: 'The target exists and the key is valid, but access is prevented. The response does not say why. The organization finds the reason in the inbound hook’s request log.',
  },
  inbound_data: {
    status: 400,
    title: 'The data supplied was not in the correct format',
    help: '`errors` names every field and rule that fails. Nothing was stored.',
  },
  request_timeout: {
    status: 408,
    title: 'The request took too long',
    help: 'The body was not received in time. Nothing was stored. Send the request again.',
  },
  gone: {
    status: 410,
    title: 'The target was deleted',
    help: 'The target accepts no more data. Remove this URL from the system that posts to it.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    help: 'The address or the target has reached its limit. Repeat the request after the seconds in `Retry-After`.',
  },
  maintenance: {
    status: 503,
    title: 'Temporarily unavailable',
    help: 'The operator has turned on maintenance mode. Nothing was stored. Repeat the request after the seconds in `Retry-After`.',
  },
  overloaded: {
    status: 503,
    title: 'The server is overloaded',
    help: 'More requests arrive than the server can store. Nothing was stored. Repeat the request after the seconds in `Retry-After`.',
  },
  query_timeout: {
    status: 503,
    title: 'The query took too long',
    help: 'The query was stopped. Nothing has changed. Read less at a time: set `from` and `to`, a smaller `limit` or a webhook, and read one page after the other. Repeat the request after the seconds in `Retry-After`.',
  },
  unavailable: {
    status: 503,
    title: 'The server cannot accept requests now',
    help: 'The server is starting or stopping, or its database does not respond. Repeat the request after the seconds in `Retry-After`. Use the same `id` or `Idempotency-Key`, so that nothing is stored twice if the first request succeeded after all.',
  },
  internal: {
    status: 500,
    title: 'Unexpected error',
    help: 'An error in the server. Search the server’s log for the `requestId`.',
  },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** A field that fails: its path (a JSON Pointer), the rule it breaks, and a message. */
export interface FieldError {
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}

/** An error with a code of the API. Only the HTTP layer maps it to a status. */
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

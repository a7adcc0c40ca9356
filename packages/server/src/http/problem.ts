import { ERRORS, PosthornError, type ErrorCode, type FieldError } from '@posthorn/protocol';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isPassing } from '../errors/database-error.ts';
import { asStoreError } from '../errors/store-error.ts';
import { closeIfUnread } from './bodies/unread-body.ts';
import { JSON_OBJECT } from './body-rules.ts';
import { MAX_ERRORS, pointerToken } from './field-path.ts';
import { PATTERN_ERRORS } from './text-schema.ts';

/** An error response of the API (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;
}

const DOCUMENTATION = 'https://posthorn.dev/errors#';

/** Maps an error to the problem that the API returns. */
export function problemOf(error: PosthornError, requestId?: string): Problem {
  const { status, title } = ERRORS[error.code];
  return {
    type: DOCUMENTATION + error.code,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...(error.errors.length > 0 ? { errors: error.errors } : {}),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

/** Sends an error as a response. Every error passes here. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = asPosthornError(error);
  const problem = problemOf(known, request.id);
  log(known, { error, problem, request });
  if (known.retryAfterSeconds !== null) void reply.header('retry-after', String(known.retryAfterSeconds));
  closeIfUnread(request, reply);
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** Logs a fault of the server at level error with its cause, and a refusal at level debug. */
function log(known: PosthornError, { error, problem, request }: { error: unknown; problem: Problem; request: FastifyRequest }): void {
  const { id: requestId, method } = request;
  if (problem.status >= 500 && !isRefusal(known)) return request.log.error({ err: error, requestId }, problem.title);
  const { status, code, detail } = problem;
  // Logs the route and not the URL: an inbound hook's URL contains its key.
  request.log.debug({ requestId, method, route: request.routeOptions.url, status, code, detail }, 'Request refused');
}

/** Whether a 5xx is deliberate. `unavailable` has a cause unless the server is stopping. */
function isRefusal({ code, cause }: PosthornError): boolean {
  return code === 'overloaded' || code === 'maintenance' || (code === 'unavailable' && cause === undefined);
}

function asPosthornError(error: unknown): PosthornError {
  if (error instanceof PosthornError || isPassing(error) || !isFastifyError(error)) return asStoreError(error);
  if (error.validation) return invalidRequest(error);
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new PosthornError(
        'unsupported_media_type',
        'The body’s content type is not supported. Send JSON with Content-Type: application/json.',
      );
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new PosthornError('malformed_json', 'The body is empty. Send a JSON object.');
    default:
      return error.statusCode !== undefined && error.statusCode < 500
        ? new PosthornError('malformed_json', error.message, { cause: error })
        : asStoreError(error);
  }
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && ('validation' in error || 'code' in error);
}

type ValidationIssue = NonNullable<FastifyError['validation']>[number];

function invalidRequest(error: FastifyError): PosthornError {
  const where = error.validationContext === 'body' ? '' : (error.validationContext ?? '');
  return wrongShape(error.validation ?? [], where, error);
}

/** Returns the error for a value that violates its schema. `where`: the part of the request, or '' for the body. */
export function wrongShape(found: readonly ValidationIssue[], where = '', cause?: unknown): PosthornError {
  const issues = found.filter((issue) => !UNHELPFUL.has(issue.keyword) && !isEitherOr(issue, found));
  const errors = issues.slice(0, MAX_ERRORS).map((issue) => fieldError(where, issue));
  const [first] = errors;
  const detail = first
    ? `${first.path === '' ? 'The body' : first.path} ${first.message}.`
    : 'The request does not have the expected shape. Compare it with the API reference.';
  return new PosthornError('invalid_request', detail, { errors, cause });
}

/** Keywords whose errors only repeat what another error says more precisely. */
const UNHELPFUL = new Set(['if', 'propertyNames']);

/** Whether an error only says that a nullable field is not null, and another error says what is wrong with it. */
function isEitherOr(issue: ValidationIssue, all: readonly ValidationIssue[]): boolean {
  if (issue.keyword !== 'anyOf' && !(issue.keyword === 'type' && issue.params['type'] === 'null')) return false;
  return all.some((other) => other.instancePath === issue.instancePath && other.keyword !== 'anyOf' && other !== issue);
}

function fieldError(where: string, issue: ValidationIssue): FieldError {
  const base = (where === '' ? '' : `/${where}`) + issue.instancePath;
  const { params } = issue;
  switch (issue.keyword) {
    case 'pattern':
      return { path: base, ...(PATTERN_ERRORS.get(params['pattern']) ?? { rule: 'pattern', message: issue.message ?? 'is not valid' }) };
    case 'additionalProperties':
      return {
        path: `${base}/${pointerToken(String(params['additionalProperty']))}`,
        rule: 'unknown_field',
        message: 'is not a known field',
      };
    case 'required':
      return { path: `${base}/${String(params['missingProperty'])}`, rule: 'required', message: 'is required' };
    case 'enum':
      return { path: base, rule: 'enum', message: `must be one of ${[params['allowedValues']].flat().join(', ')}` };
    case 'const':
      return { path: base, rule: 'const', message: `must be ${JSON.stringify(params['allowedValue'])}` };
    case JSON_OBJECT:
      return { path: base, rule: 'type', message: 'must be object' };
    default:
      return { path: base, rule: issue.keyword, message: issue.message ?? 'is not valid' };
  }
}

import type { ErrorCode, FieldError } from '@posthorn/protocol';

/** An error response of the API (RFC 9457). */
export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable. `docs/errors.md` describes each code. */
  readonly code: ErrorCode;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;
}

/** Thrown when the server, or something between client and server, returns an error. */
export class PosthornApiError extends Error {
  override readonly name = 'PosthornApiError';
  readonly status: number;
  /** `unexpected_answer`: the response is not from Posthorn, but from a proxy or another server. */
  readonly code: ErrorCode | 'unexpected_answer';
  /** The failing fields, if there are any. */
  readonly errors: readonly FieldError[];
  /** The request's id in the server's log. */
  readonly requestId: string | null;
  /** When a repeat may succeed, if the server said so. */
  readonly retryAfterSeconds: number | null;

  constructor(problem: Omit<Problem, 'code' | 'title'> & { code: PosthornApiError['code'] }, retryAfterSeconds: number | null = null) {
    super(problem.detail);
    this.status = problem.status;
    this.code = problem.code;
    this.errors = problem.errors ?? [];
    this.requestId = problem.requestId ?? null;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Thrown when no response arrives: the server is unreachable or too slow. The call may or may not have been made. */
export class PosthornConnectionError extends Error {
  override readonly name = 'PosthornConnectionError';
  readonly code: 'unreachable' | 'timeout';

  constructor(code: PosthornConnectionError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Returns the problem in a response's JSON; null if it is not one. */
export function problemIn(value: unknown): Problem | null {
  if (typeof value !== 'object' || value === null) return null;
  const { code, status, detail } = value as Partial<Record<keyof Problem, unknown>>;
  return typeof code === 'string' && typeof status === 'number' && typeof detail === 'string' ? (value as Problem) : null;
}

import type { ErrorCode, FieldError } from '@posthorn/protocol';

/** An error as the API answers it (RFC 9457). */
export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable; `docs/errors.md` tells each. */
  readonly code: ErrorCode;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;
}

/** The server has refused a call, or something on the way to it has. */
export class PosthornApiError extends Error {
  override readonly name = 'PosthornApiError';
  readonly status: number;
  /** `unexpected_answer`: what answered is not Posthorn; a proxy, or another address. */
  readonly code: ErrorCode | 'unexpected_answer';
  /** Each failing field, where fields are at fault. */
  readonly errors: readonly FieldError[];
  /** Finds the call in the server's log. */
  readonly requestId: string | null;
  /** When a repeat may succeed, where the server said so. */
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

/** No answer came: the server could not be reached, or took too long. Whether it did what was asked is not known. */
export class PosthornConnectionError extends Error {
  override readonly name = 'PosthornConnectionError';
  readonly code: 'unreachable' | 'timeout';

  constructor(code: PosthornConnectionError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Reads a problem from an answer's JSON; null: it is none. */
export function problemIn(value: unknown): Problem | null {
  if (typeof value !== 'object' || value === null) return null;
  const { code, status, detail } = value as Partial<Record<keyof Problem, unknown>>;
  return typeof code === 'string' && typeof status === 'number' && typeof detail === 'string' ? (value as Problem) : null;
}

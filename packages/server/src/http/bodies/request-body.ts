import { PosthornError } from '@posthorn/protocol';
import type { FastifyRequest } from 'fastify';
import { sourceName } from '../../network/rate-limiter.ts';
import type { BodyBudget, BodyReservation, Holder } from './body-budget.ts';
import { readBody, type UnreadBody } from './read-body.ts';

/** A body that was read. The reservation must be released once the body is parsed. */
export interface HeldBody {
  readonly bytes: Buffer;
  readonly reservation: BodyReservation;
}

export interface RequestBodyOptions {
  readonly budget: BodyBudget;
  readonly maxBytes: number;
  /** Default: what the budget allows for the body's length. */
  readonly timeoutMs?: number;
  /** Whose share of the budget the body takes. Default: the organization's if it is known, else the IP address's. */
  readonly holder?: Holder;
}

/** Reads a request's body within its holder's share of the budget. Releases the reservation if the body is not read. */
export function readRequestBody(
  request: FastifyRequest,
  options: RequestBodyOptions,
  done: (body: HeldBody | PosthornError) => void,
): void {
  const { budget, maxBytes, timeoutMs = budget.timeoutMs(announcedLength(request, maxBytes) || maxBytes) } = options;
  const reservation = budget.open(options.holder ?? holderOf(request));
  readBody(request.raw, { maxBytes, timeoutMs, reservation }, (result) => {
    if (typeof result !== 'string') return done({ bytes: result, reservation });
    reservation.release();
    done(unreadBodyError(result, { maxBytes, timeoutMs }));
  });
}

/** Returns `Content-Length`, at most `maxBytes`; 0 if the header is missing. */
export function announcedLength({ headers }: FastifyRequest, maxBytes: number): number {
  return Math.min(maxBytes, Number(headers['content-length'] ?? 0));
}

function holderOf(request: FastifyRequest): Holder {
  if (request.tenant) return request.tenant.organization.key;
  if (request.principal?.kind === 'organization') return request.principal.organizationKey;
  return sourceName(request.ip);
}

function unreadBodyError(reason: UnreadBody, { maxBytes, timeoutMs }: { maxBytes: number; timeoutMs: number }): PosthornError {
  switch (reason) {
    case 'too large':
      return new PosthornError(
        'payload_too_large',
        `The body is larger than ${maxBytes.toLocaleString('en-US')} bytes. Send a smaller one, or split it.`,
      );
    case 'no room':
      return new PosthornError(
        'overloaded',
        'The bodies arriving now need more memory than the server reserves for them. Repeat the request later.',
        {
          retryAfterSeconds: 1,
        },
      );
    case 'too slow':
      return new PosthornError(
        'request_timeout',
        `The body did not arrive within ${Math.round(timeoutMs / 1_000)} seconds. Send it faster, or send less.`,
      );
    case 'aborted':
      return new PosthornError('request_timeout', 'The connection closed before the whole body arrived.');
  }
}

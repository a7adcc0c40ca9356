import { PosthornError } from '@posthorn/protocol';
import type { FastifyRequest } from 'fastify';
import { sourceName } from '../../inbound/rate-limiter.ts';
import type { BodyBudget, BodyReservation, Holder } from './body-budget.ts';
import { readBody, type UnreadBody } from './read-body.ts';

/** A body that was read. Its bytes are released once it is parsed. */
export interface HeldBody {
  readonly bytes: Buffer;
  readonly reservation: BodyReservation;
}

export interface RequestBodyOptions {
  readonly budget: BodyBudget;
  readonly maxBytes: number;
  /** Default: as the budget allows for the body's length. */
  readonly timeoutMs?: number;
  /** Whose share of the budget the body takes. Default: its organization's once that is known, otherwise its address's. */
  readonly holder?: Holder;
}

/** Reads the body of a request within what its sender may take of the budget. Nothing stays reserved if it was not read. */
export function readRequestBody(
  request: FastifyRequest,
  options: RequestBodyOptions,
  done: (body: HeldBody | PosthornError) => void,
): void {
  const { budget, maxBytes, timeoutMs = budget.timeoutMs(toldLength(request, maxBytes) || maxBytes) } = options;
  const reservation = budget.open(options.holder ?? holderOf(request));
  readBody(request.raw, { maxBytes, timeoutMs, reservation }, (result) => {
    if (typeof result !== 'string') return done({ bytes: result, reservation });
    reservation.release();
    done(unreadBodyError(result, { maxBytes, timeoutMs }));
  });
}

/** What `Content-Length` says, within the limit; 0 if the length is not told. */
export function toldLength({ headers }: FastifyRequest, maxBytes: number): number {
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
      return new PosthornError('payload_too_large', `The body is larger than ${maxBytes.toLocaleString('en-US')} bytes. Send less.`);
    case 'no room':
      return new PosthornError('overloaded', 'Larger bodies are arriving than the server holds at once. Repeat the request later.', {
        retryAfterSeconds: 1,
      });
    case 'too slow':
      return new PosthornError('request_timeout', `The body was not received within ${Math.round(timeoutMs / 1_000)} seconds.`);
    case 'aborted':
      return new PosthornError('request_timeout', 'The connection ended before the body was received.');
  }
}

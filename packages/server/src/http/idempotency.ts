import { hash } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { IdempotentWork, type IdempotentRequests, type KeptAnswer } from '../access/idempotent-requests.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set if the request has an Idempotency-Key: its response is stored. null if it has none. */
    idempotency: IdempotentWork | null;
    /** SHA-256 of the raw body; null if there is no Idempotency-Key. */
    bodyDigest: Buffer | null;
  }
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Handles `Idempotency-Key` on every POST: a repeat within 24 hours returns the first response.
 * A route that changes something stores its response in the same transaction: see `answer-in-commit.ts`.
 */
export function idempotency(app: FastifyInstance, requests: IdempotentRequests): void {
  app.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key'];
    if (key === undefined || request.method !== 'POST') return;
    if (typeof key !== 'string' || !KEY.test(key)) throw badKey();
    const begun = await requests.begin({ organizationKey: scopeOf(request), key, requestHash: hashOf(request) });
    if (!(begun instanceof IdempotentWork)) return answerAgain(reply, begun);
    request.idempotency = begun;
  });

  app.addHook('onSend', async (request, reply, payload) => {
    if (request.idempotency === null) return;
    try {
      await keepAnswer(request.idempotency, reply, payload);
    } catch (error) {
      // The change is made, so the response is sent. A repeat within a minute gets `idempotency_in_flight`.
      request.log.error({ err: error, requestId: request.id }, 'Could not store the response for an Idempotency-Key');
    }
  });
}

/** Declares the request properties that `idempotency` uses, on the root of the app. */
export function decorateIdempotency(app: FastifyInstance): void {
  app.decorateRequest('idempotency', null);
  app.decorateRequest('bodyDigest', null);
}

/** For the body parser: stores the hash of the raw body. Two spellings of the same JSON are two bodies. */
export function keepBodyDigest(request: FastifyRequest, body: Uint8Array): void {
  if (request.headers['idempotency-key'] !== undefined) request.bodyDigest = hash('sha256', body, 'buffer');
}

/**
 * Returns the id of the `index`th event that a request with an Idempotency-Key emits, if the caller chose none. A
 * repeat gets the same ids, so that nothing is emitted twice after a crash. undefined if there is no Idempotency-Key.
 */
export function idempotentEventId({ idempotency: work }: FastifyRequest, index = 0): string | undefined {
  if (work === null) return undefined;
  const { key, requestHash } = work.request;
  const digest = hash('sha256', `${key} ${index} ${requestHash.toString('hex')}`, 'hex');
  // A UUIDv8 (RFC 9562, section 5.8), because a product may promise UUIDs to its receivers.
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(12, 15)}-a${digest.slice(15, 18)}-${digest.slice(18, 30)}`;
}

async function keepAnswer(work: IdempotentWork, reply: FastifyReply, payload: unknown): Promise<void> {
  // A failure of the server had no effect, or may be tried again.
  if (reply.statusCode >= 500) return work.free();
  await work.keep({ status: reply.statusCode, contentType: String(reply.getHeader('content-type') ?? ''), body: bodyText(payload) });
}

/** Separates the operator's keys from each organization's, because stored responses may contain secrets. */
function scopeOf({ tenant, principal }: FastifyRequest): number {
  if (tenant) return tenant.organization.key;
  return principal.kind === 'organization' ? principal.organizationKey : 0;
}

function answerAgain(reply: FastifyReply, { status, contentType, body }: KeptAnswer): FastifyReply {
  if (contentType !== '') void reply.type(contentType);
  return reply
    .code(status)
    .header('idempotency-replayed', 'true')
    .serializer((payload: unknown) => String(payload))
    .send(body);
}

function hashOf(request: FastifyRequest): Buffer {
  return hash('sha256', `${request.method} ${request.url} ${request.bodyDigest?.toString('hex') ?? ''}`, 'buffer');
}

/** Returns a body as it is stored. */
export function bodyText(payload: unknown): string {
  return typeof payload === 'string' ? payload : Buffer.isBuffer(payload) ? payload.toString() : '';
}

function badKey(): PosthornError {
  return new PosthornError('invalid_request', 'The Idempotency-Key must be 1 to 255 visible ASCII characters.', {
    errors: [{ path: '/headers/idempotency-key', rule: 'pattern', message: 'must be 1 to 255 visible ASCII characters' }],
  });
}

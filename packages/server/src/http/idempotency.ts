import { hash } from 'node:crypto';
import { parseJson, PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '../store/database.ts';
import {
  beginIdempotent,
  endIdempotent,
  forgetIdempotent,
  freeIdempotent,
  type IdempotencyRow,
  type IdempotentWork,
} from '../store/idempotency-keys.ts';
import type { Sealer } from '../sealing/sealer.ts';

export interface IdempotencyOptions {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly now: () => number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set if the request has an Idempotency-Key: its response is stored. null if it has none. */
    idempotency: BegunRequest | null;
    /** SHA-256 of the raw body; null if there is no Idempotency-Key. */
    bodyDigest: Buffer | null;
  }
}

interface BegunRequest extends IdempotentWork {
  readonly requestHash: Buffer;
  /** What an earlier, failed try had committed; null if nothing, or if there was no earlier try. */
  readonly progress: unknown;
  readonly seal: (text: string) => Buffer;
  /** The response that was committed with the change; null if none was. */
  committed: string | null;
}

const KEY = /^[\x21-\x7e]{1,255}$/;
const KEEP_MS = 86_400_000;
const WORK_MS = 60_000;

/**
 * Handles `Idempotency-Key` on every POST: a repeat within 24 hours returns the first response (see
 * draft-ietf-httpapi-idempotency-key-header). Responses are stored sealed, as some contain a secret that is shown once.
 * A route that changes something stores its response in the same transaction: see `answer-in-commit.ts`.
 */
export function idempotency(app: FastifyInstance, options: IdempotencyOptions): void {
  app.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key'];
    if (key === undefined || request.method !== 'POST') return;
    if (typeof key !== 'string' || !KEY.test(key)) throw badKey();
    const organizationKey = scopeOf(request);
    const requestHash = hashOf(request);
    const now = options.now();
    const { database, sealer } = options;
    const place = placeOf(organizationKey, key);
    const start = await beginIdempotent(database, { organizationKey, key, requestHash, now, workMs: WORK_MS, keepMs: KEEP_MS });
    if (start.state === 'known') return answerAgain(reply, { known: start.row, requestHash, place, sealer });
    const progress = start.progress === null ? null : parseJson(sealer.open(start.progress, place));
    const seal = (plain: string): Buffer => sealer.seal(plain, place);
    request.idempotency = { organizationKey, key, requestHash, startedAt: now, progress, seal, committed: null };
  });

  app.addHook('onSend', async (request, reply, payload) => {
    if (request.idempotency === null) return;
    try {
      await keepAnswer(request.idempotency, reply, { payload, database: options.database });
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
  const digest = hash('sha256', `${work.key} ${index} ${work.requestHash.toString('hex')}`, 'hex');
  // A UUIDv8 (RFC 9562, section 5.8), because a product may promise UUIDs to its receivers.
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(12, 15)}-a${digest.slice(15, 18)}-${digest.slice(18, 30)}`;
}

/** Deletes stored responses that have expired. */
export async function forgetOldAnswers(database: Database, now: number): Promise<void> {
  await forgetIdempotent(database, new Date(now - KEEP_MS));
}

async function keepAnswer(
  work: BegunRequest,
  reply: FastifyReply,
  { payload, database }: { payload: unknown; database: Database },
): Promise<void> {
  // A failure of the server had no effect, or may be tried again.
  if (reply.statusCode >= 500) return freeIdempotent(database, work, WORK_MS);
  const answer = answerText(reply.getHeader('content-type') ?? '', payload);
  if (answer !== work.committed) await endIdempotent(database, { ...work, status: reply.statusCode, body: work.seal(answer) });
}

/** Separates the operator's keys from each organization's, because stored responses may contain secrets. */
function scopeOf({ tenant, principal }: FastifyRequest): number {
  if (tenant) return tenant.organization.key;
  return principal.kind === 'organization' ? principal.organizationKey : 0;
}

function answerAgain(
  reply: FastifyReply,
  first: { known: IdempotencyRow; requestHash: Buffer; place: string; sealer: Sealer },
): FastifyReply {
  const { known, requestHash, place, sealer } = first;
  if (!known.request_hash.equals(requestHash)) {
    throw new PosthornError(
      'idempotency_mismatch',
      'The Idempotency-Key was used for a request with another address or body. Use a new key for a new request.',
    );
  }
  if (known.response_status === null || known.response_body === null) {
    throw new PosthornError(
      'idempotency_in_flight',
      'The first request with this Idempotency-Key is still in progress. Repeat this one later to get its response.',
      {
        retryAfterSeconds: 1,
      },
    );
  }
  const [type, body] = JSON.parse(sealer.open(known.response_body, place)) as [string, string];
  if (type !== '') void reply.type(type);
  return reply
    .code(known.response_status)
    .header('idempotency-replayed', 'true')
    .serializer((payload: unknown) => String(payload))
    .send(body);
}

function hashOf(request: FastifyRequest): Buffer {
  return hash('sha256', `${request.method} ${request.url} ${request.bodyDigest?.toString('hex') ?? ''}`, 'buffer');
}

function placeOf(organizationKey: number, key: string): string {
  return `idempotency ${organizationKey} ${key}`;
}

/** Returns a response as it is sealed and stored. */
export function answerText(type: unknown, payload: unknown): string {
  return JSON.stringify([type, text(payload)]);
}

function text(payload: unknown): string {
  return typeof payload === 'string' ? payload : Buffer.isBuffer(payload) ? payload.toString() : '';
}

function badKey(): PosthornError {
  return new PosthornError('invalid_request', 'The Idempotency-Key must be 1 to 255 visible ASCII characters.', {
    errors: [{ path: '/headers/idempotency-key', rule: 'pattern', message: 'must be 1 to 255 visible ASCII characters' }],
  });
}

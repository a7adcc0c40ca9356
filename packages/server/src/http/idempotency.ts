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
import type { Sealer } from '../store/sealing.ts';

export interface IdempotencyOptions {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly now: () => number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** A request that holds its Idempotency-Key: its answer is kept. null: it has none. */
    idempotency: BegunRequest | null;
    /** SHA-256 of the raw body, kept where there is an Idempotency-Key. */
    bodyDigest: Buffer | null;
  }
}

interface BegunRequest extends IdempotentWork {
  readonly requestHash: Buffer;
  /** What an earlier try had done when it failed; null: nothing, or there was none. */
  readonly progress: unknown;
  readonly seal: (text: string) => Buffer;
  /** The answer that was committed with the change; null: none was. */
  committed: string | null;
}

const KEY = /^[\x21-\x7e]{1,255}$/;
const KEEP_MS = 86_400_000;
const WORK_MS = 60_000;

/**
 * `Idempotency-Key` on every POST: the first answer again for 24 hours, whatever became of the connection that asked first
 * (after draft-ietf-httpapi-idempotency-key-header). Answers are sealed: some hold a secret that is shown once.
 * A route that changes something stores its answer with the change: see `answer-in-commit.ts`.
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
      // What was asked for is done: the caller hears so. Repeated within a minute it is told that the first is still worked on.
      request.log.error({ err: error, requestId: request.id }, 'The answer of an Idempotency-Key could not be kept.');
    }
  });
}

/** For the root of the app: what `idempotency` keeps on requests. */
export function decorateIdempotency(app: FastifyInstance): void {
  app.decorateRequest('idempotency', null);
  app.decorateRequest('bodyDigest', null);
}

/** For the body parser: two spellings of the same JSON are two bodies. Costs nothing without an Idempotency-Key. */
export function keepBodyDigest(request: FastifyRequest, body: Uint8Array): void {
  if (request.headers['idempotency-key'] !== undefined) request.bodyDigest = hash('sha256', body, 'buffer');
}

/**
 * The id of the `index`th event that a request with an Idempotency-Key emits, where the caller gave none. The same request
 * makes the same ids: what was committed by a process that died before it answered is not emitted again. undefined: no key.
 */
export function idempotentEventId({ idempotency: work }: FastifyRequest, index = 0): string | undefined {
  if (work === null) return undefined;
  const digest = hash('sha256', `${work.key} ${index} ${work.requestHash.toString('hex')}`, 'hex');
  // A UUIDv8 (RFC 9562, section 5.8): envelopes may promise that ids are UUIDs.
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(12, 15)}-a${digest.slice(15, 18)}-${digest.slice(18, 30)}`;
}

/** Forgets answers that are no longer given. */
export async function forgetOldAnswers(database: Database, now: number): Promise<void> {
  await forgetIdempotent(database, new Date(now - KEEP_MS));
}

async function keepAnswer(
  work: BegunRequest,
  reply: FastifyReply,
  { payload, database }: { payload: unknown; database: Database },
): Promise<void> {
  // What failed on the server's side had no effect, or may be tried again.
  if (reply.statusCode >= 500) return freeIdempotent(database, work, WORK_MS);
  const answer = answerText(reply.getHeader('content-type') ?? '', payload);
  if (answer !== work.committed) await endIdempotent(database, { ...work, status: reply.statusCode, body: work.seal(answer) });
}

/** Answers may hold secrets: an organization never gets those of the operator, whose keys have a scope of their own. */
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
    throw new PosthornError('idempotency_mismatch', 'The Idempotency-Key was used with another address or body.');
  }
  if (known.response_status === null || known.response_body === null) {
    throw new PosthornError('idempotency_in_flight', 'The first request with this Idempotency-Key is still being worked on.', {
      retryAfterSeconds: 1,
    });
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

/** An answer as it is sealed and stored. */
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

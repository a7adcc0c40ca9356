import { hash } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '../store/database.ts';
import { beginIdempotent, endIdempotent, forgetIdempotent, freeIdempotent, type IdempotencyRow } from '../store/idempotency-keys.ts';
import type { Sealer } from '../store/sealing.ts';

export interface IdempotencyOptions {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly now: () => number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** A request that holds its Idempotency-Key: its answer is kept. null: it has none. */
    idempotency: { readonly organizationKey: number; readonly key: string } | null;
  }
}

const KEY = /^[\x21-\x7e]{1,255}$/;
const KEEP_MS = 86_400_000;
const WORK_MS = 60_000;

/**
 * `Idempotency-Key` on every POST: the first answer again for 24 hours, whatever became of the connection that asked first
 * (after draft-ietf-httpapi-idempotency-key-header). Answers are sealed: some hold a secret that is shown once.
 */
export function idempotency(app: FastifyInstance, options: IdempotencyOptions): void {
  app.decorateRequest('idempotency', null);

  app.addHook('preHandler', async (request, reply) => {
    const key = request.headers['idempotency-key'];
    if (key === undefined || request.method !== 'POST') return;
    if (typeof key !== 'string' || !KEY.test(key)) throw badKey();
    const organizationKey = request.tenant?.organization.key ?? 0;
    const { database, now } = options;
    const requestHash = hashOf(request);
    const known = await beginIdempotent(database, { organizationKey, key, requestHash, now: now(), workMs: WORK_MS, keepMs: KEEP_MS });
    if (known) return answerAgain(reply, { known, requestHash, place: placeOf(organizationKey, key), sealer: options.sealer });
    request.idempotency = { organizationKey, key };
  });

  app.addHook('onSend', async (request, reply, payload) => {
    if (request.idempotency === null) return;
    const { organizationKey, key } = request.idempotency;
    // What failed on the server's side had no effect, or may be tried again: the key is free.
    if (reply.statusCode >= 500) {
      await freeIdempotent(options.database, organizationKey, key);
      return;
    }
    const body = options.sealer.seal(JSON.stringify([reply.getHeader('content-type') ?? '', text(payload)]), placeOf(organizationKey, key));
    await endIdempotent(options.database, { organizationKey, key, status: reply.statusCode, body });
  });
}

/** Forgets answers that are no longer given. */
export async function forgetOldAnswers(database: Database, now: number): Promise<void> {
  await forgetIdempotent(database, new Date(now - KEEP_MS));
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
  return hash('sha256', `${request.method} ${request.url}\n${JSON.stringify(request.body ?? null)}`, 'buffer');
}

function placeOf(organizationKey: number, key: string): string {
  return `idempotency ${organizationKey} ${key}`;
}

function text(payload: unknown): string {
  return typeof payload === 'string' ? payload : Buffer.isBuffer(payload) ? payload.toString() : '';
}

function badKey(): PosthornError {
  return new PosthornError('invalid_request', 'The Idempotency-Key must be 1 to 255 visible ASCII characters.', {
    errors: [{ path: '/headers/idempotency-key', rule: 'pattern', message: 'must be 1 to 255 visible ASCII characters' }],
  });
}

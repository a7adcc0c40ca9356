import { setTimeout as after } from 'node:timers/promises';
import { PosthornError, PRIVATE_KEY_PREFIX, PUBLIC_KEY_PREFIX, secretProblem, type HeaderList } from '@posthorn/protocol';
import { verify, verifyQuery, WebhookVerificationError } from '@posthorn/protocol/verify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { newId } from '../../ids/uuid-time.ts';
import { InboxStore, type CaughtRequest, type Inbox } from './inbox-store.ts';
import { readRequestBody } from '../bodies/request-body.ts';
import { inboxPage } from './inbox-page.ts';

const KEPT_BODY_BYTES = 64 * 1024;
const NAME = { type: 'object', properties: { name: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } } };
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const;

const Settings = Type.Object(
  {
    answer: Type.Optional(
      Type.Object(
        {
          status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
          body: Type.Optional(Type.String({ maxLength: 262_144 })),
          contentType: Type.Optional(Type.String({ pattern: '^[\\x20-\\x7e]{1,200}$' })),
          delayMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 120_000 })),
        },
        { additionalProperties: false },
      ),
    ),
    secret: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 256 }), Type.Null()])),
  },
  { additionalProperties: false },
);

interface Named {
  readonly name: string;
}

/** Pages and responses share the portal's origin, so nothing in them may run scripts, be framed or fetch. */
const HARMLESS = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' };
const CSP_OF_ANSWER = "sandbox; default-src 'none'";
const CSP_OF_PAGE = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/** /inbox/{name}: receives requests and shows them, so that you can try a webhook without another service. */
export async function inboxRoutes(app: FastifyInstance, { now }: { now: () => number }): Promise<void> {
  const store = new InboxStore();
  await app.register(async (scope) => catchRoute(scope, store, now));
  readRoutes(app, store);
  settingsRoutes(app, store);
}

function catchRoute(app: FastifyInstance, store: InboxStore, now: () => number): void {
  app.removeAllContentTypeParsers();
  // Fastify would refuse an invalid content type. The inbox shows the raw headers, so nothing is lost.
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.headers['content-type'] !== undefined) request.headers['content-type'] = 'application/octet-stream';
    done();
  });
  app.addContentTypeParser('*', (request, _payload, done) => {
    readRequestBody(request, { budget: app.bodies, maxBytes: request.routeOptions.bodyLimit }, (body) => {
      if (body instanceof PosthornError) return done(body);
      // The store keeps 64 KiB of each body and has limits of its own.
      body.reservation.release();
      done(null, body.bytes);
    });
  });
  app.route<{ Params: Named; Body: Buffer | undefined }>({
    method: [...METHODS],
    url: '/inbox/:name',
    schema: { hide: true, params: NAME },
    async handler(request, reply) {
      const { name } = request.params;
      const { secret, answer } = store.read(name);
      store.add(name, caught(request, secret, now()));
      if (answer.delayMs > 0) await after(answer.delayMs);
      void reply.headers(HARMLESS).header('content-security-policy', CSP_OF_ANSWER);
      return reply.code(answer.status).type(answer.contentType).send(answer.body);
    },
  });
}

function readRoutes(app: FastifyInstance, store: InboxStore): void {
  const url = '/inbox/:name/requests';
  app.get<{ Params: Named }>(url, { schema: { hide: true, params: NAME } }, async (request, reply) =>
    reply.headers(HARMLESS).send({ data: store.read(request.params.name).requests }),
  );

  app.delete<{ Params: Named }>(url, { schema: { hide: true, params: NAME } }, async (request, reply) => {
    store.clear(request.params.name);
    return reply.code(204).send();
  });

  app.get<{ Params: Named }>('/inbox/:name/view', { schema: { hide: true, params: NAME } }, async (request, reply) => {
    const { name } = request.params;
    void reply.headers(HARMLESS).header('content-security-policy', CSP_OF_PAGE).type('text/html; charset=utf-8');
    return reply.send(inboxPage(name, store.read(name)));
  });
}

function settingsRoutes(app: FastifyInstance, store: InboxStore): void {
  const url = '/inbox/:name/settings';
  app.get<{ Params: Named }>(url, { schema: { hide: true, params: NAME } }, async (request) => shown(store.read(request.params.name)));

  app.put<{ Params: Named; Body: Static<typeof Settings> | undefined }>(
    url,
    { schema: { hide: true, params: NAME, body: Settings } },
    async (request) => {
      const { name } = request.params;
      const { answer, secret } = request.body ?? {};
      const problem = typeof secret === 'string' ? verifyingSecretProblem(secret) : null;
      if (problem !== null) {
        throw new PosthornError('invalid_request', `/secret ${problem}.`, {
          errors: [{ path: '/secret', rule: 'secret', message: problem }],
        });
      }
      store.set(name, { ...(answer && { answer }), ...(secret !== undefined && { secret }) });
      return shown(store.read(name));
    },
  );
}

/** Returns what is wrong with a secret for verification; null if nothing. An ed25519 key must be the public one. */
function verifyingSecretProblem(secret: string): string | null {
  if (secret.startsWith(PRIVATE_KEY_PREFIX)) return 'is a private key (whsk_). Signatures are checked with the public key (whpk_)';
  if (!secret.startsWith(PUBLIC_KEY_PREFIX)) return secretProblem(secret);
  const text = secret.slice(PUBLIC_KEY_PREFIX.length);
  const key = Buffer.from(text, 'base64');
  return key.length === 32 && key.toString('base64') === text ? null : 'must have an ed25519 key of 32 bytes in base64 after whpk_';
}

function shown({ answer, secret }: Inbox) {
  return { answer, hasSecret: secret !== null };
}

function caught(request: FastifyRequest<{ Body: Buffer | undefined }>, secret: string | null, now: number): CaughtRequest {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  return {
    id: newId(),
    at: new Date(now).toISOString(),
    method: request.method,
    url: request.url,
    headers: rawHeaders(request.raw.rawHeaders),
    body: body.toString('utf8', 0, KEPT_BODY_BYTES),
    truncated: body.length > KEPT_BODY_BYTES,
    ...checkSignature(request, { body, secret, now }),
  };
}

function checkSignature(
  request: FastifyRequest,
  { body, secret, now }: { body: Buffer; secret: string | null; now: number },
): Pick<CaughtRequest, 'signature' | 'signatureProblem'> {
  if (request.headers['webhook-signature'] === undefined) return { signature: 'absent', signatureProblem: null };
  if (secret === null) return { signature: 'unchecked', signatureProblem: null };
  try {
    const { url, headers, method } = request;
    if (method === 'GET') verifyQuery({ url, headers }, secret, { now });
    else verify({ body, headers }, secret, { now });
    return { signature: 'valid', signatureProblem: null };
  } catch (error) {
    if (error instanceof WebhookVerificationError) return { signature: 'invalid', signatureProblem: error.message };
    throw error;
  }
}

function rawHeaders(lines: readonly string[]): HeaderList {
  return Array.from({ length: lines.length / 2 }, (_, index) => [lines[index * 2] ?? '', lines[index * 2 + 1] ?? ''] as const);
}

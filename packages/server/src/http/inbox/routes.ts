import type { HeaderList } from '@posthorn/protocol';
import { verify, WebhookVerificationError } from '@posthorn/protocol/verify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type, type Static } from 'typebox';
import { newId } from '../../store/uuid-time.ts';
import { InboxStore, type CaughtRequest } from './inbox-store.ts';
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
          body: Type.Optional(Type.String({ maxLength: 1_000_000 })),
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

/** /inbox/{name}: catches what is sent there and shows it, so that a first webhook can be seen without another service. */
export async function inboxRoutes(app: FastifyInstance, { now }: { now: () => number }): Promise<void> {
  const store = new InboxStore();
  await app.register(async (catching) => {
    catching.removeAllContentTypeParsers();
    catching.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    catching.route<{ Params: Named; Body: Buffer | undefined }>({
      method: [...METHODS],
      url: '/inbox/:name',
      schema: { hide: true, params: NAME },
      async handler(request, reply) {
        const { name } = request.params;
        const inbox = store.open(name);
        store.add(name, caught(request, inbox.secret, now()));
        const { status, body, contentType, delayMs } = inbox.answer;
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        return reply.code(status).type(contentType).send(body);
      },
    });
  });

  app.get<{ Params: Named }>('/inbox/:name/requests', { schema: { hide: true, params: NAME } }, async (request) => ({
    data: store.open(request.params.name).requests,
  }));

  app.delete<{ Params: Named }>('/inbox/:name/requests', { schema: { hide: true, params: NAME } }, async (request, reply) => {
    store.open(request.params.name).requests.length = 0;
    return reply.code(204).send();
  });

  app.get<{ Params: Named }>('/inbox/:name/settings', { schema: { hide: true, params: NAME } }, async (request) =>
    shown(store, request.params.name),
  );

  app.put<{ Params: Named; Body: Static<typeof Settings> }>(
    '/inbox/:name/settings',
    { schema: { hide: true, params: NAME, body: Settings } },
    async (request) => {
      const inbox = store.open(request.params.name);
      const { answer, secret } = request.body;
      if (answer) inbox.answer = { ...inbox.answer, ...answer };
      if (secret !== undefined) inbox.secret = secret;
      return shown(store, request.params.name);
    },
  );

  app.get<{ Params: Named }>('/inbox/:name/view', { schema: { hide: true, params: NAME } }, async (request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .header('referrer-policy', 'no-referrer')
      .send(inboxPage(request.params.name, store.open(request.params.name))),
  );
}

function shown(store: InboxStore, name: string) {
  const { answer, secret } = store.open(name);
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
    verify({ body, headers: request.headers }, secret, { now });
    return { signature: 'valid', signatureProblem: null };
  } catch (error) {
    if (error instanceof WebhookVerificationError) return { signature: 'invalid', signatureProblem: error.message };
    throw error;
  }
}

function rawHeaders(lines: readonly string[]): HeaderList {
  return Array.from({ length: lines.length / 2 }, (_, index) => [lines[index * 2] ?? '', lines[index * 2 + 1] ?? ''] as const);
}

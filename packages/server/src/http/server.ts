import { randomUUID } from 'node:crypto';
import { PosthornError } from '@posthorn/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { fastify, LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { AdmissionQueue } from '../intake/admission-queue.ts';
import type { RequestTicket } from '../batching/request-ticket.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import type { Authenticator } from '../access/authenticator.ts';
import type { Principal } from '../access/principal.ts';
import { addBodyKeywords, withBodyRules } from './body-rules.ts';
import { BodyBudget, type BodyLimits } from './bodies/body-budget.ts';
import { holdContinue } from './bodies/expect-continue.ts';
import { jsonBodyParser } from './bodies/json-body.ts';
import { answerClientError } from './client-error.ts';
import type { IdempotentRequests } from '../access/idempotent-requests.ts';
import { decorateIdempotency, idempotency } from './idempotency.ts';
import { openApi } from './openapi.ts';
import { answerError } from './problem.ts';
import { shareReads } from './read-share.ts';
import { RouteMethods } from './route-methods.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller. Set on every route under /v1. */
    principal: Principal;
    /** The organization in the path. Set on every route under /v1/organizations/:org. */
    tenant: Tenant;
    /** When the body entered the admission queue. Set on routes that have one. */
    ticket: RequestTicket | undefined;
  }

  interface FastifyInstance {
    /** The memory budget for request bodies. */
    bodies: BodyBudget;
  }

  interface FastifyContextConfig {
    /** The queue in which the route's bodies wait before they are parsed. */
    admission?: AdmissionQueue;
  }
}

/** The largest request body, in bytes. */
export const MAX_BODY_BYTES = 1024 * 1024;

export interface HttpServerOptions {
  readonly log: FastifyBaseLogger;
  readonly authenticator: Authenticator;
  readonly idempotency: IdempotentRequests;
  /** Registers the routes under /v1. */
  readonly api: (app: FastifyInstance) => void | Promise<void>;
  /** Registers the routes that need no API key. */
  readonly open: (app: FastifyInstance) => void | Promise<void>;
  readonly trustedProxies?: readonly string[];
  readonly bodyLimits?: Partial<BodyLimits>;
}

/** For a whole request with its body: longer than any body may take (`bodies/request-body.ts`). */
const REQUEST_TIMEOUT_MS = 90_000;
const HEADERS_TIMEOUT_MS = 20_000;
/** Closes the connection of a client that neither sends nor reads. */
const IDLE_TIMEOUT_MS = 120_000;
const TIMEOUT_CHECK_MS = 5_000;

/** Creates the HTTP server: request ids, bodies, authentication, errors. `api` and `open` register the routes. */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: options.log,
    // Two log lines per request took a fifth of the throughput. `problem.ts` logs errors.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    // A logger per request takes a microsecond, and only errors would need it: they log the request id themselves.
    childLoggerFactory: (logger) => logger,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    routerOptions: { maxParamLength: 1_024, ignoreTrailingSlash: true },
    frameworkErrors: (_error, request, reply) => {
      answerError(new PosthornError('not_found', `There is nothing at ${pathOf(request)}.`), request, reply);
    },
    trustProxy: options.trustedProxies && options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    forceCloseConnections: 'idle',
    // `refuseWhileClosing` responds with a problem instead.
    return503OnClosing: false,
    clientErrorHandler: answerClientError(options.log),
    keepAliveTimeout: 72_000,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
  });
  const methods = new RouteMethods(app);
  app.setValidatorCompiler(validators());
  app.removeAllContentTypeParsers();
  app.decorate('bodies', new BodyBudget(options.bodyLimits));
  app.addContentTypeParser('application/json', jsonBodyParser(app.bodies));
  holdContinue(app.server);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => {
    const allowed = methods.allowedAt(request.url);
    if (allowed.length === 0) return answerError(new PosthornError('not_found', `There is nothing at ${pathOf(request)}.`), request, reply);
    void reply.header('allow', allowed.join(', '));
    return answerError(
      new PosthornError('method_not_allowed', `${pathOf(request)} does not support ${request.method}. Use ${allowed.join(' or ')}.`),
      request,
      reply,
    );
  });
  app.decorateRequest('principal');
  app.decorateRequest('tenant');
  app.decorateRequest('ticket');
  decorateIdempotency(app);
  refuseWhileClosing(app);
  await openApi(app);
  await app.register(async (open) => options.open(open));
  await app.register(async (api) => apiScope(api, options), { prefix: '/v1' });
  return app;
}

/** Refuses the last requests on open connections. Fastify closes each connection after the response. */
function refuseWhileClosing(app: FastifyInstance): void {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  app.addHook('onRequest', (_request, _reply, done) => (closing ? done(stopping()) : done()));
}

function stopping(): PosthornError {
  return new PosthornError('unavailable', 'The server is stopping. Nothing was stored. Repeat the request.', { retryAfterSeconds: 1 });
}

async function apiScope(app: FastifyInstance, { authenticator, api, idempotency: requests }: HttpServerOptions): Promise<void> {
  app.addHook('onRequest', async (request) => {
    const { authorization } = request.headers;
    request.principal = await authenticator.authenticate({ authorization, ip: request.ip });
    const { org } = request.params as { org?: string };
    if (org !== undefined) request.tenant = await authenticator.tenant(request.principal, org);
  });
  // Treats a missing body as an empty object, so that the error names the missing fields.
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.method !== 'GET') request.body ??= {};
    done();
  });
  // PostgreSQL refuses NUL, so nothing has a name with one. Schemas refuse it where a name may be chosen.
  app.addHook('preHandler', async (request) => {
    const names = Object.values(request.params as Record<string, string>);
    if (names.some((name) => name.includes('\0'))) throw new PosthornError('not_found', `There is nothing at ${pathOf(request)}.`);
  });
  shareReads(app);
  idempotency(app, requests);
  await api(app);
}

/** Validates bodies without changing them. Query and path parameters are text, so they are coerced to their types. */
function validators(): Parameters<FastifyInstance['setValidatorCompiler']>[0] {
  const strict = new Ajv2020({ allErrors: true, strict: false, verbose: false });
  const coercing = new Ajv2020({ allErrors: true, strict: false, coerceTypes: true, useDefaults: true });
  addBodyKeywords(strict);
  addFormats.default(strict);
  addFormats.default(coercing);
  return ({ schema, httpPart }) =>
    httpPart === 'body' ? strict.compile(withBodyRules(schema) as object) : coercing.compile(schema as object);
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/';
}

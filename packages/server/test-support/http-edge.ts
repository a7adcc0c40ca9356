import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Catalog } from '../src/catalog/catalog.ts';
import { apiKeyRoutes } from '../src/http/api-keys/routes.ts';
import { IdempotentRequests } from '../src/access/idempotent-requests.ts';
import { ApiKeys } from '../src/access/api-keys.ts';
import { Authenticator } from '../src/access/authenticator.ts';
import type { BodyBudget, BodyLimits } from '../src/http/bodies/body-budget.ts';
import { createHttpServer } from '../src/http/server.ts';
import { insertOrganization } from '../src/store/organizations.ts';
import { createSealer } from '../src/sealing/sealer.ts';
import { createLog } from '../src/telemetry/log.ts';
import { Directory } from '../src/tenancy/directory.ts';
import type { TestDatabase } from './database.ts';

export interface HttpEdgeOptions {
  readonly database: TestDatabase;
  /** Routes under /v1, beside those of API keys. */
  readonly api?: (app: FastifyInstance) => void;
  /** Routes that need no key. */
  readonly open?: (app: FastifyInstance) => void | Promise<void>;
  readonly bodyLimits?: Partial<BodyLimits>;
  /** Default: nothing is logged. */
  readonly log?: Logger;
}

export interface EdgeAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON. */
  readonly body: unknown;
}

export interface EdgeRequest {
  readonly body?: string | Uint8Array | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the root key. null: none. */
  readonly key?: string | null;
}

/** The HTTP edge on a real socket, with organizations `acme` and `other`, without the engine behind it. */
export interface HttpEdge extends AsyncDisposable {
  readonly url: string;
  readonly database: TestDatabase;
  /** What the server takes for now, in milliseconds since the epoch. */
  time: number;
  request(call: string, options?: EdgeRequest): Promise<EdgeAnswer>;
  /** What request bodies hold. */
  readonly bodies: BodyBudget;
  readonly idempotency: IdempotentRequests;
}

export const ROOT_KEY = 'ph_root_of_the_test';
const GENERIC = { name: 'generic', anyEvent: true, events: {} };

/** Starts the edge. It owns the database and closes it. */
export async function startHttpEdge(options: HttpEdgeOptions): Promise<HttpEdge> {
  const { database, api = () => {}, open = () => {}, bodyLimits = {} } = options;
  const sealer = createSealer(['a key of the test']);
  const directory = new Directory({ database, catalog: await Catalog.load([GENERIC]), sealer });
  const now = (): number => edge.time;
  const log = options.log ?? createLog('silent');
  const authenticator = new Authenticator({ database, directory, rootKey: ROOT_KEY, now, log });
  const apiKeys = new ApiKeys({ database, reads: database, now, onRevoked: () => authenticator.forget() });
  for (const id of ['acme', 'other']) {
    await insertOrganization(database, { id, name: id, product: 'generic', inbound: false, timeZone: null });
  }
  const idempotency = new IdempotentRequests({ database, sealer, now });
  const app = await createHttpServer({
    log,
    authenticator,
    idempotency,
    api(scope) {
      apiKeyRoutes(scope, { apiKeys });
      api(scope);
    },
    open,
    bodyLimits,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const edge: HttpEdge = {
    url,
    database,
    bodies: app.bodies,
    idempotency,
    time: Date.now(),
    async request(call, { body, headers = {}, key = ROOT_KEY } = {}) {
      const [method = 'GET', path = ''] = call.split(' ', 2);
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body),
      });
      const text = await response.text();
      const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
      return { status: response.status, headers: response.headers, body: isJson ? (JSON.parse(text) as unknown) : text };
    },
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
      await database[Symbol.asyncDispose]();
    },
  };
  return edge;
}

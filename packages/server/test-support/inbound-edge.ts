import { once } from 'node:events';
import { connect } from 'node:net';
import type { ProductDefinition } from '@posthorn/protocol';
import { Catalog } from '../src/catalog/catalog.ts';
import { IdempotentRequests } from '../src/access/idempotent-requests.ts';
import { Authenticator } from '../src/access/authenticator.ts';
import { goalRoutes } from '../src/http/goals/routes.ts';
import { inboundHookRoutes } from '../src/http/inbound-hooks/routes.ts';
import { maintenanceRoutes } from '../src/http/inbound/maintenance-routes.ts';
import { receiveRoutes, type ReceiveOptions } from '../src/http/inbound/receive-routes.ts';
import { createHttpServer } from '../src/http/server.ts';
import { openInbound, type InboundOptions } from '../src/open-inbound.ts';
import { Objects } from '../src/intake/objects/objects.ts';
import { statement } from '../src/store/database.ts';
import { insertOrganization, updateOrganization } from '../src/store/organizations.ts';
import { createSealer } from '../src/sealing/sealer.ts';
import { createLog } from '../src/telemetry/log.ts';
import { Directory } from '../src/tenancy/directory.ts';
import type { TestDatabase } from './database.ts';

export interface InboundEdgeOptions {
  readonly database: TestDatabase;
  readonly receive?: Partial<ReceiveOptions>;
  readonly inbound?: Partial<Pick<InboundOptions, 'ratePerAddress' | 'ratePerTarget' | 'maxQueued'>>;
  readonly product?: ProductDefinition;
}

export interface Exchanged<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Goals and inbound hooks on a real socket, with organizations `acme` and `other`, both with inbound turned on. */
export interface InboundEdge extends AsyncDisposable {
  readonly url: string;
  readonly database: TestDatabase;
  /** What the server takes for now, in milliseconds since the epoch. */
  time: number;
  /** Calls the API with the root key. */
  api<Body>(call: string, body?: unknown): Promise<Exchanged<Body>>;
  /** Makes a goal of `acme` with an inbound hook, and answers the hook's path. */
  goal(settings?: object): Promise<{ path: string; goal: string; hook: string }>;
  /** Posts to a path as JSON; text goes out as it is. */
  post<Body>(path: string, body: unknown, headers?: Record<string, string>): Promise<Exchanged<Body>>;
  /** Sends bytes as they are, and answers what comes back until the connection ends. */
  raw(text: string): Promise<string>;
  /** Data of the events of a type, oldest first. */
  events(type: string): Promise<Record<string, unknown>[]>;
  setInbound(organization: string, on: boolean): Promise<void>;
}

const ROOT_KEY = 'ph_root_of_the_test';
const GENERIC: ProductDefinition = { name: 'generic', anyEvent: true, events: {} };
const WIDE = { perSecond: 1e6, burst: 1e6 };
const EVENTS = statement(
  'events_of_type',
  `SELECT convert_from(coalesce(data, substring(body FROM data_start + 1 FOR data_length)), 'UTF8') AS data FROM events WHERE type = $1 ORDER BY id`,
);

/** Starts it. It owns the database and closes it. A node that owns no shard: events are stored, nobody delivers them. */
export async function startInboundEdge(options: InboundEdgeOptions): Promise<InboundEdge> {
  const { database, product = GENERIC } = options;
  const clock = { time: Date.now() };
  const directory = new Directory({ database, catalog: await Catalog.load([product]), sealer: createSealer(['a key of the test']) });
  const keys = new Map<string, number>();
  for (const id of ['acme', 'other']) {
    const row = await insertOrganization(database, { id, name: id, product: product.name, inbound: true, timeZone: null });
    keys.set(id, row?.key ?? 0);
  }
  const { app, inbound, url } = await listen({ options, directory, now: () => clock.time });
  const calls = callsTo(url);
  return {
    url,
    database,
    ...calls,
    get time() {
      return clock.time;
    },
    set time(time) {
      clock.time = time;
    },
    async goal(settings = {}) {
      const made = await calls.api<{ id: string }>('POST /v1/organizations/acme/goals', {
        name: 'Revenue',
        direction: 'maximize',
        ...settings,
      });
      const target = { kind: 'goal', id: made.body.id };
      const hook = await calls.api<{ id: string; url: string }>('POST /v1/organizations/acme/inbound-hooks', { target });
      if (hook.status !== 201) throw new Error(JSON.stringify([made.body, hook.body]));
      return { path: new URL(hook.body.url).pathname, goal: made.body.id, hook: hook.body.id };
    },
    async events(type) {
      const rows = await database.query<{ data: string }>(EVENTS, [type]);
      return rows.map((row) => JSON.parse(row.data) as Record<string, unknown>);
    },
    async setInbound(organization, on) {
      const key = keys.get(organization) ?? 0;
      await updateOrganization(database, key, { inbound: on });
      directory.invalidate(key);
    },
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
      await inbound.stop();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function listen({ options, directory, now }: { options: InboundEdgeOptions; directory: Directory; now: () => number }) {
  const { database, receive = {} } = options;
  const log = createLog('silent');
  const flush = { committed: () => {}, rolledBack: () => {}, unknownOutcome: () => {} };
  const behind = { congested: () => false, isBehind: () => false, isFull: () => false };
  const owner = { nodeId: 0, owns: () => false, beginFlush: () => flush, beforeOrdered: () => null, ...behind };
  const objects = new Objects({ database, owner, now, reload: (key) => directory.reload(key) });
  const rates = { ratePerAddress: WIDE, ratePerTarget: WIDE, ...options.inbound };
  const inbound = await openInbound({ database, reads: database, directory, owner, objects, log, now, ...rates });
  const trustedProxies = receive.trustedProxies ?? [];
  const app = await createHttpServer({
    log,
    authenticator: new Authenticator({ database, directory, rootKey: ROOT_KEY, now, log }),
    idempotency: new IdempotentRequests({ database, sealer: createSealer(['a key of the test']), now }),
    trustedProxies,
    async api(scope) {
      await goalRoutes(scope, { goals: inbound.goals });
      inboundHookRoutes(scope, { inboundHooks: inbound.hooks, publicUrl: () => 'https://hooks.example' });
      maintenanceRoutes(scope, inbound);
    },
    open: (scope) =>
      receiveRoutes(scope, {
        receiver: inbound.receiver,
        receive: { transport: 'direct', trustedProxies, bodyTimeoutMs: 10_000, maxBodyBytes: 1_048_576, ...receive },
      }),
  });
  return { app, inbound, url: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

function callsTo(url: string): Pick<InboundEdge, 'api' | 'post' | 'raw'> {
  const send = async <Body>(target: string, init: RequestInit): Promise<Exchanged<Body>> => {
    const response = await fetch(url + target, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? null : JSON.parse(text)) as Body };
  };
  return {
    async api(call, body) {
      const [method = 'GET', path = ''] = call.split(' ', 2);
      const headers = { authorization: `Bearer ${ROOT_KEY}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
      return send(path, { method, headers, body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body) });
    },
    post: (path, body, headers = {}) =>
      send(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    async raw(text) {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname);
      let answer = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
      socket.write(text);
      await once(socket, 'close');
      return answer;
    },
  };
}

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProductDefinition } from '@posthorn/protocol';
import { readConfig } from '../src/config.ts';
import { startServer } from '../src/server.ts';
import { createLog } from '../src/telemetry/log.ts';
import { testPostgresUrl } from './database.ts';

export interface ApiServerOptions {
  readonly products: readonly ProductDefinition[];
  /** Default: PostgreSQL. */
  readonly embedded?: boolean;
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** A whole server in the test's process, with real sockets. Webhooks may reach 127.0.0.1. */
export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  readonly rootKey: string;
  /** To look at its data past the API; null: embedded. */
  readonly databaseUrl: string | null;
  /** Sends one request with the root key, or another one. The body goes out as JSON, a string as it is. */
  request<Body>(call: string, body?: unknown, key?: string): Promise<Answer<Body>>;
  /** As `request`, and expects a 2xx. Throws with the problem otherwise. */
  call<Body>(call: string, body?: unknown): Promise<Body>;
}

/**
 * Starts a server.
 *
 * ```ts
 * await using server = await startApiServer({ products: [generic] });
 * await server.call('POST /v1/organizations', { id: 'acme', name: 'Acme' });
 * ```
 */
export async function startApiServer({ products, embedded = false }: ApiServerOptions): Promise<ApiServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'posthorn-api-'));
  const database = embedded ? null : await testPostgresUrl();
  const rootKey = `ph_root_${randomBytes(12).toString('hex')}`;
  const config = readConfig({
    POSTHORN_PORT: '0',
    POSTHORN_DATA_DIR: dataDir,
    POSTHORN_ROOT_KEY: rootKey,
    POSTHORN_ENCRYPTION_KEY: randomBytes(16).toString('hex'),
    POSTHORN_ALLOW_TARGETS: '127.0.0.0/8',
    POSTHORN_LOG_LEVEL: 'silent',
    ...(database === null ? {} : { DATABASE_URL: database.url }),
  });
  const server = await startServer({
    config,
    products,
    log: createLog(process.env['TEST_LOG'] === undefined ? 'silent' : 'info'),
    now: Date.now,
    random: Math.random,
  });

  async function request<Body>(call: string, body?: unknown, key = rootKey): Promise<Answer<Body>> {
    const [method = 'GET', path = ''] = call.split(' ', 2);
    const response = await fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? null : JSON.parse(text)) as Body };
  }

  return {
    url: server.url,
    rootKey,
    databaseUrl: database?.url ?? null,
    request,
    async call<Body>(call: string, body?: unknown) {
      const answer = await request<Body>(call, body);
      if (answer.status >= 200 && answer.status <= 299) return answer.body;
      throw new Error(`${call} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    },
    async [Symbol.asyncDispose]() {
      await server.stop(5_000);
      await database?.[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProductDefinition } from '@posthorn/protocol';
import { builtInProducts } from '@posthorn/products';
import { pino, type Logger } from 'pino';
import { readConfig } from '../../packages/server/src/config.ts';
import { startServer, type Server, type ServerOptions } from '../../packages/server/src/server.ts';
import { createApi, type Api } from './api.ts';

/** A clock that a test sets forward: what is due in an hour is due at once. */
export class TestClock {
  #ahead = 0;

  #stoppedAt: number | null = null;

  now = (): number => this.#stoppedAt ?? Date.now() + this.#ahead;

  /** Stops until `resume`, so that a test does not depend on how quick the machine is. */
  stop(): void {
    this.#stoppedAt = this.now();
  }

  resume(): void {
    this.#stoppedAt = null;
  }

  advance(ms: number): void {
    this.#ahead += ms;
  }

  /** Makes it that moment; from there it goes on. */
  set(moment: string): void {
    this.#ahead = Date.parse(moment) - Date.now();
  }
}

export interface InProcessNode extends Api, AsyncDisposable {
  readonly server: Server;
  readonly clock: TestClock;
  readonly rootKey: string;
}

export interface InProcessOptions {
  /** Absent: an embedded database of its own. */
  readonly databaseUrl?: string;
  readonly clock?: TestClock;
  /** Default: nothing is logged. */
  readonly log?: Logger;
  /** Further settings. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Where not as quick as tests like it. */
  readonly timing?: ServerOptions['timing'];
  /** Beside those that ship. */
  readonly products?: readonly ProductDefinition[];
}

const ROOT_KEY = 'test-root-key-0123456789';

/** How many shards the node works on. */
export async function ownedShards(node: InProcessNode): Promise<number> {
  const metrics = await (await fetch(`${node.server.url}/metrics`, { headers: { Authorization: `Bearer ${node.rootKey}` } })).text();
  return Number(/state="shards"\} (\d+)/.exec(metrics)?.[1]);
}

/** The whole server inside the test process, with a clock that the test holds. Everything else is as users run it. */
export async function startNode(options: InProcessOptions = {}): Promise<InProcessNode> {
  const clock = options.clock ?? new TestClock();
  const dataDir = await mkdtemp(join(tmpdir(), 'posthorn-node-'));
  const config = readConfig({
    POSTHORN_PORT: '0',
    POSTHORN_DATA_DIR: dataDir,
    POSTHORN_ROOT_KEY: ROOT_KEY,
    POSTHORN_ENCRYPTION_KEY: 'test-encryption-key-0123456789',
    POSTHORN_ALLOW_TARGETS: '127.0.0.0/8',
    ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    ...options.environment,
  });
  const server = await startServer({
    config,
    products: [...builtInProducts, ...(options.products ?? [])],
    log: options.log ?? pino({ level: process.env['TEST_LOG'] ?? 'silent' }),
    now: clock.now,
    random: Math.random,
    timing: { leaseMs: 2_000, renewMs: 200, logPollMs: 20, waitingPollMs: 30, digestPollMs: 30, noticePollMs: 30, ...options.timing },
  });
  return {
    server,
    clock,
    rootKey: ROOT_KEY,
    ...createApi(server.url, ROOT_KEY),
    async [Symbol.asyncDispose]() {
      await server.stop(2_000);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

import { hostname } from 'node:os';
import type { ProductDefinition } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Catalog } from './catalog/catalog.ts';
import { listenToChanges } from './changes.ts';
import type { Config } from './config.ts';
import { Deliveries } from './deliveries/deliveries.ts';
import { Events } from './deliveries/events.ts';
import { Engine } from './delivery/engine/engine.ts';
import type { EngineOptions } from './delivery/engine/engine-options.ts';
import { SenderThread } from './delivery/sender/thread/sender-thread.ts';
import { startHousekeeping } from './housekeeping.ts';
import { IdempotentRequests } from './access/idempotent-requests.ts';
import { ApiKeys } from './access/api-keys.ts';
import { Authenticator } from './access/authenticator.ts';
import { listen, type Listening } from './http/listen.ts';
import { Readiness } from './http/readiness.ts';
import { registerRoutes } from './http/routes.ts';
import { createHttpServer } from './http/server.ts';
import { openIngestion, type Ingestion } from './ingestion.ts';
import type { ServerKeys } from './data-folder/server-keys.ts';
import { StartError } from './start-error.ts';
import { ObjectReader } from './intake/objects/find-objects.ts';
import { Pings } from './intake/pings.ts';
import { openPools } from './pools.ts';
import { openStorage } from './storage.ts';
import { isOutage } from './errors/database-error.ts';
import type { Database } from './store/database.ts';
import { databaseProblem } from './store/database-problem.ts';
import type { Sealer } from './sealing/sealer.ts';
import { OutageLog } from './telemetry/outage-log.ts';
import { Directory } from './tenancy/directory.ts';
import { Organizations } from './tenancy/organizations.ts';
import type { Tenant } from './tenancy/tenant.ts';
import { resealWebhooks } from './tenancy/webhook-resealing.ts';
import { Webhooks } from './tenancy/webhooks.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly products: readonly ProductDefinition[];
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  /** Overrides the default intervals of the engine and the pollers. */
  readonly timing?: Pick<EngineOptions, 'leaseMs' | 'renewMs' | 'logPollMs' | 'waitingPollMs' | 'sweepMs' | 'memory'> & {
    readonly digestPollMs?: number;
    readonly noticePollMs?: number;
  };
}

/** A running server. */
export interface Server {
  /** The URL it listens on. */
  readonly url: string;
  readonly nodeId: number;
  readonly keys: ServerKeys;
  /** Makes /readyz return 503. Everything else works as before. */
  announceStop(): void;
  /** Stops accepting requests, waits for work in flight until the deadline, and hands the rest over to other nodes. */
  stop(deadlineMs: number): Promise<void>;
}

/** Opens the database, acquires shards and listens. If a step fails, closes everything and throws. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { config, products, now, random } = options;
  const outages = new OutageLog({ log: options.log, isOutage, now });
  const catalog = await Catalog.load(products);
  const storage = await openStorage(config, outages);
  const { database, keys, sealer, log } = storage;
  const undo: (() => Promise<unknown>)[] = [storage.close];
  try {
    const directory = new Directory({ database, catalog, sealer });
    const sender = new SenderThread({ allowedTargets: config.allowedTargets, connectionsPerOrigin: 1_024 });
    undo.push(() => sender.close(0));
    const idempotency = new IdempotentRequests({ database, sealer, now });
    const alone = config.databaseUrl === null;
    const also: (() => Promise<unknown>)[] = [() => idempotency.forgetOld()];
    if (keys.encryption.length > 1) also.push(() => resealOldWebhooks({ database, sealer, log }));
    undo.push(await startHousekeeping({ database, log, now, retentionDays: config.retentionDays, also }));
    const { outcomes, reads, ...pools } = await openPools(config, storage);
    undo.push(() => pools.close());
    const engine = new Engine({ database, outcomes, directory, sender, log, now, random, nodeName: hostname(), alone, ...options.timing });
    const listening = { url: '' };
    const publicUrl = (): string => config.publicUrl ?? listening.url;
    const polls = { digestPollMs: options.timing?.digestPollMs, noticePollMs: options.timing?.noticePollMs };
    const ingestion = await openIngestion({ database, reads, owner: engine, catalog, directory, log, now, publicUrl, config, ...polls });
    undo.push(() => ingestion.close());
    also.push(() => ingestion.inbound.forgetRequests(config.retentionDays));
    const authenticator = new Authenticator({ database, directory, rootKey: keys.root.reveal(), now, log });
    undo.push(await listenToChanges({ database, directory, engine, onApiKeys: () => authenticator.forget() }));
    await engine.start();
    ingestion.start();
    const readiness = new Readiness({ databaseProblem: () => databaseProblem(database), engine, diskProblem: storage.diskProblem });
    const domain = openDomain({ database, reads, sealer, directory, catalog, engine, ingestion, authenticator, now, config });
    const services = { ...ingestion, ...domain, config, directory, engine, readiness, publicUrl, log, now };
    const app = await createHttpServer({
      log,
      authenticator,
      idempotency,
      trustedProxies: config.trustedProxies,
      ...registerRoutes(services),
    });
    const listener = await listenAt(app, config);
    const url = (listening.url = listener.url);
    log.info({ url, node: engine.nodeId, products: catalog.products().map(({ name }) => name) }, 'Posthorn is ready');
    return {
      url,
      nodeId: engine.nodeId,
      keys,
      announceStop: () => readiness.announceStop(),
      stop: (deadlineMs) => stopServer({ readiness, engine, ingestion, listener, undo }, deadlineMs),
    };
  } catch (error) {
    for (const step of undo.toReversed()) await step().catch(() => {});
    throw error;
  }
}

interface DomainOptions {
  readonly database: Database;
  readonly reads: Database;
  readonly sealer: Sealer;
  readonly directory: Directory;
  readonly catalog: Catalog;
  readonly engine: Engine;
  readonly ingestion: Ingestion;
  readonly authenticator: Authenticator;
  readonly now: () => number;
  readonly config: Config;
}

/** What the API offers beside the ways in. */
function openDomain({ database, reads, sealer, directory, catalog, engine, ingestion, authenticator, now, config }: DomainOptions) {
  const onTimeZoneChanged = (tenant: Tenant) => ingestion.digests.timeZoneChanged(tenant);
  return {
    organizations: new Organizations({ database, reads, directory, catalog, onTimeZoneChanged }),
    apiKeys: new ApiKeys({ database, reads, now, onRevoked: () => authenticator.forget() }),
    webhooks: new Webhooks({ database, reads, directory, sealer, allowedTargets: config.allowedTargets, now }),
    deliveries: new Deliveries({ database, reads, engine, now }),
    events: new Events(reads),
    objectReader: new ObjectReader(reads),
    pings: new Pings({ intake: ingestion.intake, database }),
  };
}

interface Running {
  readonly readiness: Readiness;
  readonly engine: Engine;
  readonly ingestion: Ingestion;
  readonly listener: Listening;
  /** Close functions in opening order. They are called in reverse. */
  readonly undo: readonly (() => Promise<unknown>)[];
}

async function stopServer({ readiness, engine, ingestion, listener, undo }: Running, deadlineMs: number): Promise<void> {
  const end = performance.now() + deadlineMs;
  readiness.announceStop();
  engine.beginStop();
  await ingestion.stopSchedule();
  await Promise.race([listener.close(), new Promise((resolve) => setTimeout(resolve, deadlineMs))]);
  await ingestion.drained();
  await engine.stop(Math.max(0, end - performance.now()));
  for (const step of undo.toReversed()) await step();
}

/** Re-encrypts webhooks with the first encryption key, so that the older configured keys can be removed. */
async function resealOldWebhooks({ database, sealer, log }: { database: Database; sealer: Sealer; log: Logger }): Promise<void> {
  const { resealed, unreadable } = await resealWebhooks(database, sealer);
  if (resealed > 0) log.info({ webhooks: resealed }, 'Re-encrypted webhooks with the first encryption key');
  if (unreadable.length > 0) log.warn({ webhooks: unreadable.slice(0, 20) }, 'No configured encryption key can decrypt these webhooks');
}

async function listenAt(app: FastifyInstance, { host, port }: Config): Promise<Listening> {
  try {
    return await listen(app, { host, port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new StartError(
        `Port ${port} on ${host} is already in use. Stop the process that listens on it, or choose another port with POSTHORN_PORT.`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}

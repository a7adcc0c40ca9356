import { hostname } from 'node:os';
import type { ProductDefinition } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Catalog } from './catalog/catalog.ts';
import { listenToChanges } from './changes.ts';
import type { Config } from './config.ts';
import { Engine } from './delivery/engine/engine.ts';
import type { EngineOptions } from './delivery/engine/engine-options.ts';
import { SenderThread } from './delivery/sender/thread/sender-thread.ts';
import { startHousekeeping } from './housekeeping.ts';
import { Authenticator } from './http/auth.ts';
import { forgetOldAnswers } from './http/idempotency.ts';
import { listen, type Listening } from './http/listen.ts';
import { Readiness } from './http/readiness.ts';
import { registerRoutes } from './http/routes.ts';
import { createHttpServer } from './http/server.ts';
import { openTaking, type Taking } from './taking.ts';
import type { ServerKeys } from './server-keys.ts';
import { StartError } from './start-error.ts';
import { openPools } from './pools.ts';
import { openStorage } from './storage.ts';
import { isOutage, type Database } from './store/database.ts';
import type { Sealer } from './store/sealing.ts';
import { OutageLog } from './telemetry/outage-log.ts';
import { Directory } from './tenancy/directory.ts';
import { resealWebhooks } from './tenancy/webhook-resealing.ts';
import { Webhooks } from './tenancy/webhooks.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly products: readonly ProductDefinition[];
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  /** How the engine is timed, where not as usual. */
  readonly timing?: Pick<EngineOptions, 'leaseMs' | 'renewMs' | 'logPollMs' | 'waitingPollMs' | 'sweepMs' | 'memory'> & {
    readonly digestPollMs?: number;
    readonly noticePollMs?: number;
  };
}

/** A running server. */
export interface Server {
  /** Where it listens. */
  readonly url: string;
  readonly nodeId: number;
  readonly keys: ServerKeys;
  /** From now on /readyz says that the server stops; it works as before. */
  announceStop(): void;
  /** Stops accepting, lets what is in flight end within the deadline, hands over the rest. */
  stop(deadlineMs: number): Promise<void>;
}

/** Opens the database, takes shards, listens. Throws when one of them fails; nothing is left open then. */
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
    const alone = config.databaseUrl === null;
    const also: (() => Promise<unknown>)[] = [() => forgetOldAnswers(database, now())];
    if (keys.encryption.length > 1) also.push(() => leaveOldKeys({ database, sealer, log }));
    undo.push(await startHousekeeping({ database, log, now, retentionDays: config.retentionDays, also }));
    const { outcomes, reads, ...pools } = await openPools(config, storage);
    undo.push(() => pools.close());
    const engine = new Engine({ database, outcomes, directory, sender, log, now, random, nodeName: hostname(), alone, ...options.timing });
    const listening = { url: '' };
    const publicUrl = (): string => config.publicUrl ?? listening.url;
    const polls = { digestPollMs: options.timing?.digestPollMs, noticePollMs: options.timing?.noticePollMs };
    const taking = await openTaking({ database, owner: engine, catalog, directory, log, now, publicUrl, config, ...polls });
    undo.push(() => taking.close());
    also.push(() => taking.inbound.forgetRequests(config.retentionDays));
    const authenticator = new Authenticator({ database, directory, rootKey: keys.root.reveal(), now, log });
    undo.push(await listenToChanges({ database, directory, engine, onApiKeys: () => authenticator.forget() }));
    await engine.start();
    taking.start();
    const webhooks = new Webhooks({ database, directory, sealer, allowedTargets: config.allowedTargets, now });
    const readiness = new Readiness({ database, engine, diskProblem: storage.diskProblem });
    const core = { config, database, reads, catalog, sealer, directory, engine, readiness };
    const services = { ...core, ...taking, authenticator, webhooks, publicUrl, log, now };
    const app = await createHttpServer({
      log,
      authenticator,
      idempotency: { database, sealer, now },
      trustedProxies: config.trustedProxies,
      ...registerRoutes(services),
    });
    const listener = await listenAt(app, config);
    const url = (listening.url = listener.url);
    log.info({ url, node: engine.nodeId, products: catalog.products().map(({ name }) => name) }, 'Posthorn is ready.');
    return {
      url,
      nodeId: engine.nodeId,
      keys,
      announceStop: () => readiness.announceStop(),
      stop: (deadlineMs) => stopServer({ readiness, engine, taking, listener, undo }, deadlineMs),
    };
  } catch (error) {
    for (const step of undo.toReversed()) await step().catch(() => {});
    throw error;
  }
}

interface Running {
  readonly readiness: Readiness;
  readonly engine: Engine;
  readonly taking: Taking;
  readonly listener: Listening;
  /** Closes what was opened, the first last. */
  readonly undo: readonly (() => Promise<unknown>)[];
}

async function stopServer({ readiness, engine, taking, listener, undo }: Running, deadlineMs: number): Promise<void> {
  const end = performance.now() + deadlineMs;
  readiness.announceStop();
  engine.beginStop();
  await taking.stopSchedule();
  await Promise.race([listener.close(), new Promise((resolve) => setTimeout(resolve, deadlineMs))]);
  await taking.drained();
  await engine.stop(Math.max(0, end - performance.now()));
  for (const step of undo.toReversed()) await step();
}

/** While older encryption keys are configured: nothing needs them for longer than it takes to seal everything anew. */
async function leaveOldKeys({ database, sealer, log }: { database: Database; sealer: Sealer; log: Logger }): Promise<void> {
  const { resealed, unreadable } = await resealWebhooks(database, sealer);
  if (resealed > 0) log.info({ webhooks: resealed }, 'Sealed anew with the first encryption key.');
  if (unreadable.length > 0) log.warn({ webhooks: unreadable.slice(0, 20) }, 'No configured encryption key opens these webhooks.');
}

async function listenAt(app: FastifyInstance, { host, port }: Config): Promise<Listening> {
  try {
    return await listen(app, { host, port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new StartError(`Port ${port} on ${host} is taken. Stop what listens there, or choose another with POSTHORN_PORT.`, {
        cause: error,
      });
    }
    throw error;
  }
}

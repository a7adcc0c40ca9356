import { hostname } from 'node:os';
import type { ProductDefinition } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { Catalog } from './catalog/catalog.ts';
import { listenToChanges } from './changes.ts';
import type { Config } from './config.ts';
import { Engine } from './delivery/engine/engine.ts';
import type { EngineOptions } from './delivery/engine/engine-options.ts';
import { createSender } from './delivery/sender/sender.ts';
import { startHousekeeping } from './housekeeping.ts';
import { Authenticator } from './http/auth.ts';
import { forgetOldAnswers } from './http/idempotency.ts';
import { registerRoutes } from './http/routes.ts';
import { createHttpServer } from './http/server.ts';
import { Intake } from './intake/emit.ts';
import { DigestSchedule } from './intake/digests/digest-schedule.ts';
import { Digests } from './intake/digests/digests.ts';
import { Objects } from './intake/objects/objects.ts';
import type { ServerKeys } from './server-keys.ts';
import type { Database } from './store/database.ts';
import { migrate } from './store/migrate.ts';
import { openPglite } from './store/pglite.ts';
import { openPostgres } from './store/postgres.ts';
import { createSealer, type Sealer } from './store/sealing.ts';
import { Directory } from './tenancy/directory.ts';
import { resealWebhooks } from './tenancy/webhook-resealing.ts';
import { Webhooks } from './tenancy/webhooks.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly keys: ServerKeys;
  readonly products: readonly ProductDefinition[];
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  /** How the engine is timed, where not as usual. */
  readonly timing?: Pick<EngineOptions, 'leaseMs' | 'renewMs' | 'logPollMs' | 'waitingPollMs'> & { readonly digestPollMs?: number };
}

/** A running server. */
export interface Server {
  /** Where it listens. */
  readonly url: string;
  readonly nodeId: number;
  /** Stops accepting, lets what is in flight end within the deadline, hands over the rest. */
  stop(deadlineMs: number): Promise<void>;
}

/** Opens the database, takes shards, listens. Throws when one of them fails; nothing is left open then. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { config, keys, products, log, now, random } = options;
  const catalog = await Catalog.load(products);
  const database = await openDatabase(config, log);
  const undo: (() => Promise<unknown>)[] = [() => database.close()];
  try {
    await migrate(database);
    const [firstKey, ...olderKeys] = keys.encryption;
    const sealer = createSealer([firstKey.reveal(), ...olderKeys.map((key) => key.reveal())]);
    const directory = new Directory({ database, catalog, sealer });
    const sender = createSender({ allowedTargets: config.allowedTargets, connectionsPerOrigin: 256 });
    const alone = config.databaseUrl === null;
    const also = [
      () => forgetOldAnswers(database, now()),
      ...(olderKeys.length > 0 ? [() => leaveOldKeys({ database, sealer, log })] : []),
    ];
    undo.push(await startHousekeeping({ database, log, now, retentionDays: config.retentionDays, also }));
    const outcomes = await openOutcomes(config, { database, log });
    if (outcomes !== database) undo.push(() => outcomes.close());
    const engine = new Engine({ database, outcomes, directory, sender, log, now, random, nodeName: hostname(), alone, ...options.timing });
    const taking = takeIn({ database, engine, catalog, directory, log, now, timing: options.timing });
    const { intake, objects, digests } = taking;
    const authenticator = new Authenticator({ database, directory, rootKey: keys.root.reveal(), now });
    undo.push(await listenToChanges({ database, directory, engine, onApiKeys: () => authenticator.forget() }));
    await engine.start();
    taking.start();
    undo.push(() => taking.stop());
    const webhooks = new Webhooks({ database, directory, sealer, allowedTargets: config.allowedTargets, now });
    const services = { config, database, catalog, sealer, directory, engine, intake, objects, digests, authenticator, webhooks, log, now };
    const app = await createHttpServer({
      log,
      authenticator,
      idempotency: { database, sealer, now },
      trustedProxies: config.trustedProxies,
      ...registerRoutes(services),
    });
    const url = await listen(app, config);
    log.info({ url, node: engine.nodeId, products: catalog.products().map(({ name }) => name) }, 'Posthorn is ready.');
    return {
      url,
      nodeId: engine.nodeId,
      async stop(deadlineMs) {
        const end = performance.now() + deadlineMs;
        services.engine.beginStop();
        await taking.stop();
        await Promise.race([app.close(), new Promise((resolve) => setTimeout(resolve, deadlineMs))]);
        await taking.drained();
        await engine.stop(Math.max(0, end - performance.now()));
        await sender.close(0);
        for (const step of undo.toReversed()) await step();
      },
    };
  } catch (error) {
    for (const step of undo.toReversed()) await step().catch(() => {});
    throw error;
  }
}

interface TakingOptions {
  readonly database: Database;
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly directory: Directory;
  readonly log: Logger;
  readonly now: () => number;
  readonly timing: ServerOptions['timing'];
}

/** Everything that ends in an event. */
function takeIn({ database, engine, catalog, directory, log, now, timing }: TakingOptions) {
  const commit = { database, owner: engine, now, reload: (key: number) => directory.reload(key) };
  const intake = new Intake(commit);
  const objects = new Objects(commit);
  const digests = new Digests(commit);
  const find = (key: number) => directory.findByKey(key);
  const schedule = new DigestSchedule({ ...commit, digests, find, log, pollMs: timing?.digestPollMs });
  return {
    intake,
    objects,
    digests,
    start(): void {
      if (catalog.products().some((product) => product.digests.byName.size > 0)) schedule.start();
    },
    stop: () => schedule.stop(),
    drained: () => Promise.all([intake.drained(), objects.drained()]),
  };
}

/** While older encryption keys are configured: nothing needs them for longer than it takes to seal everything anew. */
async function leaveOldKeys({ database, sealer, log }: { database: Database; sealer: Sealer; log: Logger }): Promise<void> {
  const { resealed, unreadable } = await resealWebhooks(database, sealer);
  if (resealed > 0) log.info({ webhooks: resealed }, 'Sealed anew with the first encryption key.');
  if (unreadable.length > 0) log.warn({ webhooks: unreadable.slice(0, 20) }, 'No configured encryption key opens these webhooks.');
}

function openDatabase(config: Config, log: Logger): Promise<Database> {
  if (config.databaseUrl === null) return openPglite(`${config.dataDir}/pglite`);
  return openPostgres(config.databaseUrl.reveal(), {
    connections: 12,
    onError: (error) => log.warn({ err: error }, 'A database connection broke; it is replaced.'),
  });
}

/** Outcomes do not wait for the disk, so that accepted events need not wait for them. */
function openOutcomes(config: Config, { database, log }: { database: Database; log: Logger }): Promise<Database> {
  if (config.databaseUrl === null) return Promise.resolve(database);
  return openPostgres(config.databaseUrl.reveal(), {
    connections: 3,
    applicationName: 'posthorn-outcomes',
    durable: false,
    onError: (error) => log.warn({ err: error }, 'A database connection broke; it is replaced.'),
  });
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new Error(`Port ${port} on ${host} is taken. Stop what listens there, or choose another with POSTHORN_PORT.`, { cause: error });
    }
    throw error;
  }
}

import { pino, type Logger } from 'pino';
import { listenToChanges } from '../../src/changes.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { Engine } from '../../src/delivery/engine/engine.ts';
import { AcceptWriter } from '../../src/intake/accept-writer.ts';
import type { Sealer } from '../../src/sealing/sealer.ts';
import { Directory } from '../../src/tenancy/directory.ts';
import { NO_ALLOWED_TARGETS } from '../../src/network/target-address.ts';
import { Webhooks } from '../../src/tenancy/webhooks.ts';
import { DatabaseLink } from './database/link.ts';
import type { Listeners } from './database/listeners.ts';
import { simulatedPool } from './database/pool.ts';
import type { DatabaseServer } from './database/server.ts';
import { EventIds } from './event-ids.ts';
import type { SeededRandom } from './random.ts';
import { simulatedSender, type EndpointState, type SenderWatcher } from './sender.ts';
import type { VirtualTime } from './virtual-time.ts';
import type { SimulatedProcess } from './simulated-process.ts';

export interface NodeOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly server: DatabaseServer;
  readonly listeners: Listeners;
  readonly catalog: Catalog;
  readonly sealer: Sealer;
  readonly endpoint: (webhookId: string) => EndpointState;
  readonly watcher: SenderWatcher;
  /** A notification reached the process. */
  readonly onNotified: (process: SimulatedProcess, payload: string) => void;
  readonly trace: ((text: string) => void) | null;
}

/** A running server process: a node's engine, and the operations that the simulation uses. */
export interface RunningNode {
  readonly process: SimulatedProcess;
  readonly link: DatabaseLink;
  readonly engine: Engine;
  readonly writer: AcceptWriter;
  readonly directory: Directory;
  readonly webhooks: Webhooks;
  readonly database: ReturnType<typeof simulatedPool>;
  readonly now: () => number;
  /** The id of a new event. */
  readonly newEventId: () => string;
  /** Accepts nothing more, waits until the deadline for exchanges under way, and releases its shards. */
  stop(deadlineMs: number): Promise<void>;
}

/** Wires the real engine and accept path to the simulated database and endpoints. */
export function createNode(process: SimulatedProcess, options: NodeOptions): { node: RunningNode; start: () => Promise<void> } {
  const { time, random, server, listeners, catalog, sealer, endpoint, watcher, onNotified } = options;
  const link = new DatabaseLink({ time, random, server, process });
  const shared = { time, server, link, listeners, process };
  const [database, outcomes] = [simulatedPool({ ...shared, durable: true }), simulatedPool({ ...shared, durable: false })];
  const now = (): number => time.clockOf(process);
  const directory = new Directory({ database, catalog, sealer });
  const sender = simulatedSender({ time, random, process, endpoint, watcher });
  const log = tracingLog(process, options);
  const engine = new Engine({
    database,
    outcomes,
    directory,
    sender,
    log,
    now,
    random: () => random.next(),
    nodeName: process.name,
    alone: false,
    // So small that events are deferred.
    memory: { deliveriesOfOrganization: 6 },
  });
  const writer = new AcceptWriter({ database, owner: engine, now });
  const webhooks = new Webhooks({ database, reads: database, directory, sealer, allowedTargets: NO_ALLOWED_TARGETS, now });
  const ids = new EventIds(random);
  let stopListening = (): Promise<void> => Promise.resolve();
  const node: RunningNode = {
    process,
    link,
    engine,
    writer,
    directory,
    webhooks,
    database,
    now,
    newEventId: () => ids.next(now()),
    async stop(deadlineMs) {
      engine.beginStop();
      await writer.drained();
      await engine.stop(deadlineMs);
      await stopListening();
    },
  };
  const start = async (): Promise<void> => {
    const listened = { ...database, listen: listenNoting(database.listen, (payload) => onNotified(process, payload)) };
    stopListening = await listenToChanges({ database: listened, directory, engine, onApiKeys: () => {} });
    await engine.start();
  };
  return { node, start };
}

function listenNoting(listen: RunningNode['database']['listen'], note: (payload: string) => void): RunningNode['database']['listen'] {
  return (channel, onNotify, onReset) =>
    listen(
      channel,
      (payload) => {
        onNotify(payload);
        note(payload);
      },
      onReset,
    );
}

function tracingLog(process: SimulatedProcess, { trace }: NodeOptions): Logger {
  if (trace === null) return pino({ level: 'silent' });
  return pino(
    { level: 'info', base: null, timestamp: false },
    { write: (line: string) => trace(`${process.name} logs ${line.trimEnd()}`) },
  );
}

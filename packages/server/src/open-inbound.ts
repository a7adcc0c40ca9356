import type { Logger } from 'pino';
import type { LogOwner } from './intake/log-owner.ts';
import type { Database, Queryable } from './store/database.ts';
import { INBOUND_CHANNEL } from './store/inbound-hooks.ts';
import { forgetInboundRequests } from './store/inbound-log.ts';
import { lowestIdAt } from './ids/uuid-time.ts';
import type { Directory } from './tenancy/directory.ts';
import { EventCommit } from './intake/event-commit.ts';
import { goalTarget } from './goals/goal-target.ts';
import { GoalWriter } from './goals/goal-writer.ts';
import { Goals } from './goals/goals.ts';
import { InboundHooks } from './inbound/inbound-hooks.ts';
import { InboundObjects } from './inbound/inbound-objects.ts';
import type { Objects } from './intake/objects/objects.ts';
import { Maintenance } from './inbound/maintenance.ts';
import { modelTarget, objectsTarget } from './inbound/object-targets.ts';
import type { Rate } from './network/rate-limiter.ts';
import { Receiver } from './inbound/receiver.ts';
import { RequestLog } from './inbound/request-log.ts';
import { TargetDirectory } from './inbound/target-directory.ts';
import { registerTargetKinds } from './inbound/target-kind.ts';

export interface InboundOptions {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly directory: Pick<Directory, 'findByKey' | 'reload'>;
  readonly owner: LogOwner;
  readonly objects: Objects;
  readonly log: Pick<Logger, 'warn'>;
  readonly now: () => number;
  readonly ratePerAddress: Rate;
  readonly ratePerTarget: Rate;
  readonly maxQueued?: number;
}

const MAX_QUEUED = 20_000;
const DAY_MS = 86_400_000;

/** Goals, inbound hooks and the receiver of their posts. */
export interface Inbound {
  readonly goals: Goals;
  readonly hooks: InboundHooks;
  readonly receiver: Receiver;
  readonly maintenance: Maintenance;
  /** Deletes logged requests that are older than the retention. */
  forgetRequests(retentionDays: number): Promise<void>;
  /** Resolves when all received posts are stored. The caller must have stopped accepting new ones. */
  stop(): Promise<void>;
}

/** Reads the maintenance modes and listens to changes by other nodes. */
export async function openInbound(options: InboundOptions): Promise<Inbound> {
  const { database, reads, directory, owner, log, now } = options;
  const objects = new InboundObjects(options);
  const commit = new EventCommit({ database, owner, now, reload: (key) => directory.reload(key) });
  const writer = new GoalWriter({ commit, now });
  const kinds = registerTargetKinds([goalTarget({ database, writer }), modelTarget(objects), objectsTarget(objects)]);
  const targets = new TargetDirectory({ database, directory, kinds, now });
  const maintenance = new Maintenance(database);
  const requests = new RequestLog({ database, log, now });
  const onTargetChanged = (publicId: string): void => targets.invalidate(publicId);
  const stopListening = await listen({ database, targets, maintenance, log });
  await maintenance.load();
  return {
    goals: new Goals({ database, reads, commit, now, onTargetChanged }),
    hooks: new InboundHooks({ database, reads, kinds, now, onTargetChanged }),
    receiver: new Receiver({
      log,
      directory,
      targets,
      kinds,
      maintenance,
      requests,
      now,
      ratePerAddress: options.ratePerAddress,
      ratePerTarget: options.ratePerTarget,
      maxQueued: options.maxQueued ?? MAX_QUEUED,
    }),
    maintenance,
    forgetRequests: (retentionDays) => forgetInboundRequests(database, lowestIdAt(now() - retentionDays * DAY_MS)),
    async stop() {
      await writer.drained();
      await requests.drained();
      await stopListening();
    },
  };
}

interface Listening {
  readonly database: Database;
  readonly targets: TargetDirectory;
  readonly maintenance: Maintenance;
  readonly log: Pick<Logger, 'warn'>;
}

function listen({ database, targets, maintenance, log }: Listening): Promise<() => Promise<void>> {
  const readMaintenance = (): void => {
    maintenance.load().catch((error: unknown) => log.warn({ err: error }, 'Failed to read the maintenance modes'));
  };
  return database.listen(
    INBOUND_CHANNEL,
    (payload) => {
      const [what, publicId = ''] = payload.split(':', 2);
      if (what === 'target') targets.invalidate(publicId);
      if (what === 'maintenance') readMaintenance();
    },
    () => {
      targets.clear();
      readMaintenance();
    },
  );
}

import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { Mailer } from './intake/notices/mailer.ts';
import { Notices } from './intake/notices/notices.ts';
import type { Catalog } from './catalog/catalog.ts';
import { openInbound, type Inbound } from './open-inbound.ts';
import type { Rate } from './network/rate-limiter.ts';
import { DigestSchedule } from './intake/digests/digest-schedule.ts';
import { Digests } from './intake/digests/digests.ts';
import { Intake } from './intake/emit.ts';
import type { LogOwner } from './intake/log-owner.ts';
import { Objects } from './intake/objects/objects.ts';
import type { Database, Queryable } from './store/database.ts';
import type { Directory } from './tenancy/directory.ts';

export interface IngestionOptions {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly owner: LogOwner;
  readonly catalog: Catalog;
  readonly directory: Directory;
  readonly log: Logger;
  readonly now: () => number;
  readonly digestPollMs: number | undefined;
  readonly noticePollMs: number | undefined;
  readonly publicUrl: () => string;
  readonly config: Pick<Config, 'smtpUrl' | 'mailFrom' | 'inboundRates'>;
}

/** All sources of events: emitted events, object changes, digests, notices and inbound hooks. */
export interface Ingestion {
  readonly intake: Intake;
  readonly objects: Objects;
  readonly digests: Digests;
  readonly inbound: Inbound;
  /** Starts the digest schedule and the notices. */
  start(): void;
  /** Stops the digest schedule and the notices. Resolves when the current digest and poll have ended. */
  stopSchedule(): Promise<unknown>;
  /** Resolves when every received event and object change is stored or rejected. */
  drained(): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens all sources of events. `owner` hands their events to delivery. */
export async function openIngestion({
  catalog,
  digestPollMs,
  noticePollMs,
  publicUrl,
  config,
  ...options
}: IngestionOptions): Promise<Ingestion> {
  const { database, owner, directory, log, now } = options;
  const commit = { database, owner, now, reload: (key: number) => directory.reload(key) };
  const intake = new Intake(commit);
  const objects = new Objects(commit);
  const digests = new Digests(commit);
  const find = (key: number) => directory.findByKey(key);
  const schedule = new DigestSchedule({ ...commit, digests, find, log, pollMs: digestPollMs });
  const { smtpUrl, mailFrom: from } = config;
  const mailer = smtpUrl && new Mailer({ database, smtpUrl: smtpUrl.reveal(), from, now, log });
  const notices = new Notices({ ...commit, find, mailer, publicUrl, log, pollMs: noticePollMs });
  const { perAddress, perTarget } = config.inboundRates;
  const rates = { ratePerAddress: rateOf(perAddress), ratePerTarget: rateOf(perTarget) };
  const inbound = await openInbound({ ...options, ...rates, objects });
  return {
    intake,
    objects,
    digests,
    inbound,
    start(): void {
      if (catalog.products().some((product) => product.digests.byName.size > 0)) schedule.start();
      notices.start();
    },
    stopSchedule: () => Promise.all([schedule.stop(), notices.stop()]),
    drained: () => Promise.all([intake.drained(), objects.drained()]),
    async close() {
      await Promise.all([schedule.stop(), notices.stop()]);
      mailer?.close();
      await inbound.stop();
    },
  };
}

/** Allows bursts: sources send collected values at once, such as an hour of many goals or a year of days. */
const BURST_SECONDS = 10;

function rateOf(perSecond: number): Rate {
  return { perSecond, burst: perSecond * BURST_SECONDS };
}

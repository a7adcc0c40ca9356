import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { Mailer } from './intake/notices/mailer.ts';
import { Notices } from './intake/notices/notices.ts';
import type { Catalog } from './catalog/catalog.ts';
import { openInbound, type Inbound } from './inbound/inbound.ts';
import type { Rate } from './inbound/rate-limiter.ts';
import { DigestSchedule } from './intake/digests/digest-schedule.ts';
import { Digests } from './intake/digests/digests.ts';
import { Intake } from './intake/emit.ts';
import type { LogOwner } from './intake/log-owner.ts';
import { Objects } from './intake/objects/objects.ts';
import type { Database } from './store/database.ts';
import type { Directory } from './tenancy/directory.ts';

export interface TakingOptions {
  readonly database: Database;
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

/** Everything that ends in an event: what callers emit, objects, digests, what comes in through inbound hooks. */
export interface Taking {
  readonly intake: Intake;
  readonly objects: Objects;
  readonly digests: Digests;
  readonly inbound: Inbound;
  /** Runs digests when they are due, tells notices. */
  start(): void;
  /** Answers when the digest that is running has ended, and what is being told is told; nothing else begins. */
  stopSchedule(): Promise<unknown>;
  /** Answers when everything taken in is stored or refused. */
  drained(): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens the ways in. Events go to delivery through their owner. */
export async function openTaking({ catalog, digestPollMs, noticePollMs, publicUrl, config, ...options }: TakingOptions): Promise<Taking> {
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

/** Sources send what has gathered: an hour's values of many goals, the days of a year. */
const BURST_SECONDS = 10;

function rateOf(perSecond: number): Rate {
  return { perSecond, burst: perSecond * BURST_SECONDS };
}

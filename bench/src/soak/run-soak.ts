import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Bench } from '../bench.ts';
import type { Account } from '../measure/ledger.ts';
import { drain, loadPlan, measureLoad, pause, type LoadOptions } from '../measure-load.ts';
import { makeOrganizations } from '../scenarios/organizations.ts';
import type { Stage } from '../stage.ts';
import { holdTransaction } from './held-transaction.ts';
import { holdOf, type Hold, type Minute } from './minute.ts';
import type { SoakOptions } from './options.ts';
import { sample } from './sample.ts';

export interface Soak {
  /** Events a second that were sent. */
  readonly rate: number;
  readonly hold: Hold;
  readonly minutes: readonly Minute[];
  readonly account: Account;
}

const ORGANIZATIONS = 64;
const MEASURE_SECONDS = 20;
const MINUTE_MS = 60_000;
const DRAIN_MS = 60_000;
/** Of an event of 1 KB with its delivery, indexes and part of the log; rounded up. */
const BYTES_PER_EVENT = 4_000;

/** Loads a node for so long, and measures each minute. `onMinute` is called at the end of each. */
export async function runSoak(bench: Bench, options: SoakOptions, onMinute: (minute: Minute) => void): Promise<Soak> {
  await using stage = await bench.stage('soak');
  await makeOrganizations(stage, ORGANIZATIONS, (index) => [{ url: bench.webhookUrl(0, `soak-${index}`) }]);
  const rate = options.rate ?? Math.floor(options.load * (await fullRate(bench, stage)));
  await checkSpace(rate * options.minutes * 60 * BYTES_PER_EVENT);
  const load: LoadOptions = { label: 'soak', organizations: ORGANIZATIONS, rate };
  await bench.sink.call('reset', { fanOut: 1 });
  await bench.load.call('start', loadPlan(bench, stage, load));
  const hold = holdOf(options.minutes);
  const minutes = await watch({ bench, stage, hold, count: options.minutes, onMinute });
  await bench.load.call('stop', undefined);
  return { rate, hold, minutes, account: (await drain(bench, load, DRAIN_MS)).account };
}

async function fullRate(bench: Bench, stage: Stage): Promise<number> {
  const full = await measureLoad(bench, stage, { label: 'full rate', organizations: ORGANIZATIONS, seconds: MEASURE_SECONDS });
  return full.deliveredPerSecond;
}

async function checkSpace(needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir());
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
  if (bavail * bsize < needed) {
    const free = gigabytes(bavail * bsize);
    throw new Error(
      `The run needs ${gigabytes(needed)} GB in ${tmpdir()}, where ${free} GB are free. Take fewer --minutes or a lower --rate.`,
    );
  }
}

interface Watch {
  readonly bench: Bench;
  readonly stage: Stage;
  readonly hold: Hold;
  readonly count: number;
  readonly onMinute: (minute: Minute) => void;
}

async function watch({ bench, stage, hold, count, onMinute }: Watch): Promise<Minute[]> {
  const minutes: Minute[] = [];
  const start = performance.now();
  let release: (() => Promise<void>) | null = null;
  for (let number = 1; number <= count; number++) {
    if (number === hold.after + 1) release = await holdTransaction(stage.database.url);
    await Promise.all([bench.load.call('openWindow', undefined), bench.sink.call('openWindow', undefined)]);
    await pause(start + number * MINUTE_MS - performance.now());
    const [sent, received] = await Promise.all([bench.load.call('closeWindow', undefined), bench.sink.call('closeWindow', undefined)]);
    const { accepted } = await bench.load.call('counts', undefined);
    const minute: Minute = {
      number,
      acceptedPerSecond: sent.accepted / sent.seconds,
      deliveredPerSecond: received.received / received.seconds,
      acceptP99Us: sent.latency.p99,
      deliveryP99Us: received.latency.p99,
      events: accepted,
      transactionHeld: release !== null,
      ...(await sample(bench, stage)),
    };
    minutes.push(minute);
    onMinute(minute);
    if (number === hold.until) {
      await release?.();
      release = null;
    }
  }
  return minutes;
}

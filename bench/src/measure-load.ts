import { DATA_BYTES, type Bench } from './bench.ts';
import { usageOf, usageOfTree, type Usage } from './environment/process-usage.ts';
import type { LoadPlan } from './load/load-run.ts';
import { growth, type BacklogPoint } from './measure/backlog.ts';
import { OUTCOME, settleAccount, type Account } from './measure/ledger.ts';
import type { Measurement, ProcessFigures } from './measurement.ts';
import type { Stage } from './stage.ts';

export interface LoadOptions {
  readonly label: string;
  /** Webhooks that each event goes to. */
  readonly fanOut?: number;
  readonly target?: LoadPlan['target'];
  readonly paths?: readonly string[];
  readonly batch?: number;
  /** Default: as the run's options say. */
  readonly connections?: number;
  readonly rate?: number | null;
  readonly organizations?: number;
  readonly types?: number;
  readonly seconds?: number;
  /** Default: as long as the compiler and the pools need. */
  readonly warmUpSeconds?: number;
  /** Of so many organizations the first has a webhook that hangs: its deliveries are not waited for. */
  readonly hangingOneIn?: number;
}

const SAMPLE_MS = 500;
const DRAIN_MS = 60_000;
const SETTLE_MS = 30_000;

/** Loads the stage's nodes, and says what was accepted, what arrived, when, and at what cost. */
export async function measureLoad(bench: Bench, stage: Stage, options: LoadOptions): Promise<Measurement> {
  const { sink, load } = bench;
  const seconds = options.seconds ?? bench.options.seconds;
  const recordedBefore = await recordedAsDelivered(stage);
  await sink.call('reset', { fanOut: options.fanOut ?? 1 });
  await load.call('start', loadPlan(bench, stage, options));
  await pause((options.warmUpSeconds ?? warmUpSeconds(seconds)) * 1000);

  const before = await usages(bench, stage);
  await Promise.all([load.call('openWindow', undefined), sink.call('openWindow', undefined)]);
  const backlog = await watchBacklog(bench, options, seconds);
  const [sent, received] = await Promise.all([load.call('closeWindow', undefined), sink.call('closeWindow', undefined)]);
  const after = await usages(bench, stage);
  stage.measured(seconds);

  const counts = await load.call('stop', undefined);
  const drained = await drain(bench, options, DRAIN_MS);
  return {
    label: options.label,
    seconds: received.seconds,
    acceptedPerSecond: sent.accepted / sent.seconds,
    deliveredPerSecond: received.received / received.seconds,
    acceptLatency: sent.latency,
    deliveryLatency: received.latency,
    backlog,
    backlogAtEnd: backlog.at(-1)?.backlog ?? 0,
    backlogGrowth: growth(backlog),
    drainSeconds: drained.seconds,
    settleSeconds: await settle(bench, stage, recordedBefore),
    account: drained.account,
    statuses: counts.statuses,
    processes: figures(before, after),
  };
}

/** The load that the options describe, on the nodes that run now. */
export function loadPlan(bench: Bench, stage: Stage, options: LoadOptions): LoadPlan {
  return {
    ports: stage.nodes.map((node) => node.port),
    rootKey: stage.nodes[0]?.rootKey ?? '',
    connections: options.connections ?? bench.options.connections,
    rate: options.rate ?? null,
    target: options.target ?? 'events',
    paths: options.paths,
    batch: options.batch ?? 1,
    dataBytes: DATA_BYTES,
    organizations: options.organizations ?? 1,
    types: options.types ?? 1,
  };
}

/** Long enough for the compiler and the pools, short enough for quick runs. */
function warmUpSeconds(seconds: number): number {
  return Math.min(5, Math.max(2, seconds / 4));
}

async function watchBacklog(bench: Bench, options: LoadOptions, seconds: number): Promise<BacklogPoint[]> {
  const points: BacklogPoint[] = [];
  const start = performance.now();
  for (let next = SAMPLE_MS; next <= seconds * 1000; next += SAMPLE_MS) {
    await pause(start + next - performance.now());
    const [sent, arrived] = await Promise.all([bench.load.call('counts', undefined), bench.sink.call('counts', undefined)]);
    const answering = options.hangingOneIn ? 1 - 1 / options.hangingOneIn : 1;
    const expected = Math.round(sent.accepted * (options.fanOut ?? 1) * answering);
    // What was delivered before its acceptance was heard of would count below zero.
    points.push({ seconds: (performance.now() - start) / 1000, backlog: Math.max(0, expected - arrived.received) });
  }
  return points;
}

/** Waits until every accepted event has arrived everywhere. */
export async function drain(bench: Bench, options: LoadOptions, deadlineMs: number): Promise<{ seconds: number | null; account: Account }> {
  const start = performance.now();
  const fanOut = options.fanOut ?? 1;
  const outcomes = withoutHanging(await bench.load.call('outcomes', undefined), options);
  const expected = outcomes.reduce((sum, outcome) => sum + (outcome === OUTCOME.accepted ? fanOut : 0), 0);
  for (;;) {
    const late = performance.now() - start > deadlineMs;
    const { received } = await bench.sink.call('counts', undefined);
    if (received >= expected || late) {
      const account = settleAccount(outcomes, await bench.sink.call('arrivals', undefined), fanOut);
      if (account.lost === 0) return { seconds: (performance.now() - start) / 1000, account };
      if (late) return { seconds: null, account };
    }
    await pause(20);
  }
}

/** Nothing is expected of events whose webhook hangs. */
function withoutHanging(outcomes: Uint8Array, { hangingOneIn, organizations = 1, batch = 1 }: LoadOptions): Uint8Array {
  if (!hangingOneIn) return outcomes;
  return outcomes.map((outcome, sequence) =>
    outcome === OUTCOME.accepted && (Math.floor(sequence / batch) % organizations) % hangingOneIn === 0 ? OUTCOME.excluded : outcome,
  );
}

/** Waits until everything that arrived is recorded as delivered. */
async function settle(bench: Bench, stage: Stage, recordedBefore: number): Promise<number | null> {
  const start = performance.now();
  const { received } = await bench.sink.call('counts', undefined);
  while (performance.now() - start < SETTLE_MS) {
    if ((await recordedAsDelivered(stage)) - recordedBefore >= received) return (performance.now() - start) / 1000;
    await pause(50);
  }
  return null;
}

async function recordedAsDelivered(stage: Stage): Promise<number> {
  const { rows } = await stage.database.client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM deliveries WHERE status = 'delivered'`,
  );
  return rows[0]?.count ?? 0;
}

interface NamedUsage {
  readonly name: string;
  readonly usage: Usage | null;
}

async function usages(bench: Bench, stage: Stage): Promise<NamedUsage[]> {
  const { pid } = bench.postgres;
  return Promise.all([
    ...stage.nodes.map(async (node, index) => ({ name: `posthorn ${index + 1}`, usage: await usageOf(node.pid) })),
    named('postgres', pid === null ? null : usageOfTree(pid)),
    named('sink', usageOf(bench.sink.pid)),
    named('load', usageOf(bench.load.pid)),
  ]);
}

async function named(name: string, usage: Promise<Usage | null> | null): Promise<NamedUsage> {
  return { name, usage: await usage };
}

function figures(before: readonly NamedUsage[], after: readonly NamedUsage[]): ProcessFigures[] {
  return after.flatMap(({ name, usage }, index) => {
    const earlier = before[index]?.usage;
    if (!usage || !earlier) return [];
    return [{ name, cpuSeconds: usage.cpuSeconds - earlier.cpuSeconds, memoryBytes: usage.memoryBytes }];
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

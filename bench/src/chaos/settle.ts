import type { ChaosStage } from './chaos-stage.ts';
import { reckon, type Reckoning } from './ledger.ts';
import { inTime } from './waiting.ts';

export interface Settlement {
  readonly reckoning: Reckoning;
  readonly lost: number;
  readonly stuck: number;
  /** The first of what was missing, for the search. */
  readonly examples: readonly string[];
}

const ARRIVED_MS = 60_000;
const RECORDED_MS = 30_000;
const EXAMPLES = 5;

const RECORDED = `
  SELECT (SELECT count(*)::int FROM deliveries AS delivery JOIN webhooks ON webhooks.id = delivery.webhook_id
          WHERE delivery.status = 'delivered' AND webhooks.url = ANY($1)) AS delivered,
         (SELECT count(*)::int FROM waiting JOIN webhooks ON webhooks.id = waiting.webhook_id WHERE webhooks.url = ANY($1)) AS waiting`;

/**
 * Waits until everything accepted has arrived and is recorded. If something is missing in the end, restarts all nodes and
 * waits again: what arrives then was stuck, what does not is lost.
 */
export async function settle(stage: ChaosStage, accepted: ReadonlySet<string>): Promise<Settlement> {
  await stage.nodesAreReady();
  const before = await untilArrived(stage, accepted);
  if (before.missing.length > 0) {
    await stage.restartNodes();
    const after = await untilArrived(stage, accepted);
    const lost = after.missing.length;
    return { reckoning: before, lost, stuck: before.missing.length - lost, examples: before.missing.slice(0, EXAMPLES) };
  }
  const unrecorded = await untilRecorded(stage, before.expected);
  return { reckoning: before, lost: 0, stuck: unrecorded, examples: unrecorded > 0 ? ['arrived, but not recorded'] : [] };
}

async function untilArrived(stage: ChaosStage, accepted: ReadonlySet<string>): Promise<Reckoning> {
  const { pathsOf, isOrdered } = stage;
  const look = async (): Promise<Reckoning> =>
    reckon({ accepted, pathsOf, isOrdered, arrivals: await stage.receiver.call('arrivals', undefined) });
  await inTime(ARRIVED_MS, async () => (await look()).missing.length === 0);
  return look();
}

/** Returns how many deliveries are not recorded as delivered, or still wait, in the end. */
async function untilRecorded(stage: ChaosStage, expected: number): Promise<number> {
  const urls = stage.organizations.flatMap(stage.pathsOf).map((path) => stage.receiverUrl + path);
  const open = async (): Promise<number> => {
    const [row] = await stage.database.query<{ delivered: number; waiting: number }>(RECORDED, [urls]);
    return row === undefined ? expected : Math.max(0, expected - row.delivered) + row.waiting;
  };
  await inTime(RECORDED_MS, async () => (await open()) === 0);
  return open();
}

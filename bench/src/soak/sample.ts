import type { Bench } from '../bench.ts';
import { usageOf, usageOfTree } from '../environment/process-usage.ts';
import type { Stage } from '../stage.ts';

/** What is read at the end of a minute. */
export interface Sample {
  readonly memoryBytes: Readonly<Record<string, number>>;
  readonly historyBytes: number;
  readonly otherBytes: number;
  readonly waitingRows: number;
}

const SIZES = `
  SELECT coalesce(parent.relname, own.relname) IN ('events', 'event_ids', 'deliveries', 'attempts') AS history,
         sum(pg_total_relation_size(own.oid))::float8 AS bytes
  FROM pg_class AS own
  LEFT JOIN pg_inherits ON inhrelid = own.oid
  LEFT JOIN pg_class AS parent ON parent.oid = inhparent
  WHERE own.relkind = 'r' AND own.relnamespace = 'public'::regnamespace
  GROUP BY history`;
const WAITING = 'SELECT count(*)::int AS count FROM waiting';

export async function sample(bench: Bench, stage: Stage): Promise<Sample> {
  const { client } = stage.database;
  const sizes = await client.query<{ history: boolean; bytes: number }>(SIZES);
  const waiting = await client.query<{ count: number }>(WAITING);
  const bytes = (history: boolean): number => sizes.rows.find((row) => row.history === history)?.bytes ?? 0;
  return {
    memoryBytes: await memory(bench, stage),
    historyBytes: bytes(true),
    otherBytes: bytes(false),
    waitingRows: waiting.rows[0]?.count ?? 0,
  };
}

async function memory(bench: Bench, stage: Stage): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const [index, { pid }] of stage.nodes.entries()) found[`posthorn ${index + 1}`] = (await usageOf(pid))?.memoryBytes ?? 0;
  const { pid } = bench.postgres;
  if (pid !== null) found['postgres'] = (await usageOfTree(pid))?.memoryBytes ?? 0;
  return found;
}

import { pause } from '../measure-load.ts';
import type { Stage } from '../stage.ts';

const DEADLINE_MS = 60_000;

/** Waits until the shards are spread evenly over the nodes that run. */
export async function nodesShareTheWork(stage: Stage): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const { rows } = await stage.database.client.query<{ owned: number }>(
      'SELECT count(*)::int AS owned FROM shards WHERE owner IS NOT NULL AND expires_at > now() GROUP BY owner ORDER BY owned',
    );
    const least = rows[0]?.owned ?? 0;
    const most = rows.at(-1)?.owned ?? 0;
    if (rows.length === stage.nodes.length && most - least <= 1) return;
    if (performance.now() > deadline) throw new Error(`The nodes own ${rows.map((row) => row.owned).join(' and ')} shards.`);
    await pause(100);
  }
}

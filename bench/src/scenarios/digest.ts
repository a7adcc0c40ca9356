import { usageOf } from '../environment/process-usage.ts';
import { pause } from '../measure-load.ts';
import { mebibytes } from '../report/table.ts';
import { bounded, type Scenario } from '../scenario.ts';
import { seedChangedScores } from '../seed/changed-scores.ts';
import type { Stage } from '../stage.ts';

const OBJECTS = 1_000_000;
const CHANGED = 10_000;
const LONGEST_MS = 60_000;
const MORE_MEMORY_BYTES = 300 * 1_048_576;
const SAMPLE_MS = 20;

export const digest: Scenario = {
  name: 'digest',
  title: 'A digest over a million objects of which ten thousand have changed',
  async run(bench) {
    await using stage = await bench.stage('digest');
    await stage.api.createOrganization('digest', { product: 'revos' });
    await stage.api.createWebhook('digest', { url: bench.webhookUrl(0, 'digest') });
    await seedChangedScores(stage.database.client, { organization: 'digest', objects: OBJECTS, changed: CHANGED });
    const { ms, moreMemoryBytes, changes } = await runDigest(stage);
    const seconds = (value: number): string => `${(value / 1_000).toFixed(2)} s`;
    return {
      measurements: [],
      checks: () => [
        bounded('digest: changes told', changes, { atLeast: CHANGED }),
        bounded('digest: time', ms, { atMost: LONGEST_MS, show: seconds }),
        bounded('digest: more memory of the server', moreMemoryBytes, {
          atMost: MORE_MEMORY_BYTES,
          show: (bytes) => `${mebibytes(bytes)} MiB`,
        }),
      ],
    };
  },
};

interface DigestRun {
  readonly events: readonly { readonly data: { readonly changes: readonly unknown[] } }[];
}

async function runDigest(stage: Stage): Promise<{ ms: number; moreMemoryBytes: number; changes: number }> {
  const pid = stage.nodes[0]?.pid ?? 0;
  const before = (await usageOf(pid))?.memoryBytes ?? 0;
  const watch = { peak: before, ended: false };
  const watching = (async () => {
    while (!watch.ended) {
      watch.peak = Math.max(watch.peak, (await usageOf(pid))?.memoryBytes ?? 0);
      await pause(SAMPLE_MS);
    }
  })();
  const startedAt = performance.now();
  const { events } = await stage.api.post<DigestRun>('/digest/digests/daily/run', {});
  const ms = performance.now() - startedAt;
  watch.ended = true;
  await watching;
  return { ms, moreMemoryBytes: watch.peak - before, changes: events.reduce((sum, { data }) => sum + data.changes.length, 0) };
}

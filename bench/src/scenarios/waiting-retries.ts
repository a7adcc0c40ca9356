import { DATA_BYTES, type Bench } from '../bench.ts';
import { measureInTurns } from '../measure-in-turns.ts';
import type { Measurement } from '../measurement.ts';
import { mebibytes } from '../report/table.ts';
import { bounded, type Scenario } from '../scenario.ts';
import { seedWaitingRetries } from '../seed/waiting-retries.ts';
import type { Stage } from '../stage.ts';
import { makeOrganizations } from './organizations.ts';
import { complete } from './steady.ts';

const RETRIES = 1_000_000;
const ORGANIZATIONS = 64;
const MORE_MEMORY_BYTES = 100 * 1_048_576;

/** The same load without and with a million retries that wait for tomorrow. */
export const waitingRetries: Scenario = {
  name: 'waiting-retries',
  title: 'A million waiting retries',
  async run(bench) {
    await using freshStage = await stageWith(bench, 0);
    await using waitingStage = await stageWith(bench, RETRIES);
    const measurements = await measureInTurns(bench, [
      { stage: freshStage, load: { label: 'none waiting' } },
      { stage: waitingStage, load: { label: 'a million waiting' } },
    ]);
    const [without, waiting] = measurements;
    return {
      measurements,
      checks: () => [
        bounded('waiting retries: rate, against none', waiting.deliveredPerSecond / without.deliveredPerSecond, {
          atLeast: 0.9,
          show: (ratio) => ratio.toFixed(2),
        }),
        bounded('waiting retries: more memory of the server', memoryOf(waiting) - memoryOf(without), {
          atMost: MORE_MEMORY_BYTES,
          show: (bytes) => `${mebibytes(bytes)} MiB`,
        }),
        ...measurements.flatMap(complete),
      ],
    };
  },
};

async function stageWith(bench: Bench, retries: number): Promise<Stage> {
  const stage = await bench.stage(`waiting-${retries}`);
  await makeOrganizations(stage, 1, () => [{ url: bench.webhookUrl(0, 'fresh') }]);
  await makeWaitingOrganizations(stage, bench.webhookUrl(0, 'waiting'));
  await stage.stopNodes();
  if (retries > 0) await seedWaitingRetries(stage.database.client, retries, DATA_BYTES);
  await stage.startNode();
  return stage;
}

async function makeWaitingOrganizations(stage: Stage, url: string): Promise<void> {
  for (let index = 0; index < ORGANIZATIONS; index++) {
    await stage.api.createOrganization(`waiting-${index}`);
    await stage.api.createWebhook(`waiting-${index}`, { url });
  }
}

function memoryOf({ processes }: Measurement): number {
  return processes.find((figures) => figures.name === 'posthorn 1')?.memoryBytes ?? 0;
}

import { DATA_BYTES, type Bench } from '../bench.ts';
import { measureInTurns } from '../measure-in-turns.ts';
import { figuresOf, type Measurement } from '../measurement.ts';
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
    await using freshStage = await bench.stage('none-waiting');
    await fill(bench, freshStage, 0);
    await using waitingStage = await bench.stage('waiting');
    await fill(bench, waitingStage, RETRIES);
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

async function fill(bench: Bench, stage: Stage, retries: number): Promise<void> {
  await makeOrganizations(stage, 1, () => [{ url: bench.webhookUrl(0, 'fresh') }]);
  await makeWaitingOrganizations(stage, bench.webhookUrl(0, 'waiting'));
  await stage.stopNodes();
  if (retries > 0) await seedWaitingRetries(stage.database.client, retries, DATA_BYTES);
  await stage.startNode();
}

async function makeWaitingOrganizations(stage: Stage, url: string): Promise<void> {
  for (let index = 0; index < ORGANIZATIONS; index++) {
    await stage.api.createOrganization(`waiting-${index}`);
    await stage.api.createWebhook(`waiting-${index}`, { url });
  }
}

function memoryOf(measurement: Measurement): number {
  return figuresOf(measurement, 'posthorn 1')?.memoryBytes ?? 0;
}

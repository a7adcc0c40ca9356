import { measureInTurns } from '../measure-in-turns.ts';
import type { Bench } from '../bench.ts';
import { bounded, type Scenario } from '../scenario.ts';
import { seedOrganizations } from '../seed/organizations.ts';
import type { Stage } from '../stage.ts';
import { makeOrganizations } from './organizations.ts';
import { complete } from './steady.ts';

const ORGANIZATIONS = 10_000;
const WEBHOOKS_EACH = 10;
const ORIGINS = 200;
/** Until each webhook was used: what is measured is the work with many of them, not the first look at each. */
const WARM_UP_SECONDS = 20;

/** One webhook; 100,000 of 10,000 organizations, each event to another; the same behind 200 origins. */
export const manyWebhooks: Scenario = {
  name: 'many-webhooks',
  title: '100,000 webhooks of 10,000 organizations',
  async run(bench) {
    await using oneStage = await bench.stage('one-webhook');
    await makeOrganizations(oneStage, 1, () => [{ url: bench.webhookUrl(0, 'one') }]);
    await using manyStage = await bench.stage('many-webhooks');
    await makeMany(bench, manyStage, 1);
    await using spreadStage = await bench.stage('many-origins');
    await makeMany(bench, spreadStage, ORIGINS);
    const load = { organizations: ORGANIZATIONS, types: WEBHOOKS_EACH, warmUpSeconds: WARM_UP_SECONDS };
    const measurements = await measureInTurns(bench, [
      { stage: oneStage, load: { label: 'one webhook' } },
      { stage: manyStage, load: { ...load, label: '100,000 webhooks' } },
      { stage: spreadStage, load: { ...load, label: '100,000 webhooks, 200 origins' } },
    ]);
    const [one, many] = measurements;
    return {
      measurements,
      checks: () => [
        bounded('many webhooks: rate, against one', many.deliveredPerSecond / one.deliveredPerSecond, {
          atLeast: 0.8,
          show: (ratio) => ratio.toFixed(2),
        }),
        ...measurements.flatMap(complete),
      ],
    };
  },
};

async function makeMany(bench: Bench, stage: Stage, origins: number): Promise<void> {
  const urls = Array.from({ length: origins }, (_, origin) => bench.webhookUrl(0, 'many', { origin }));
  await seedOrganizations(stage, { organizations: ORGANIZATIONS, webhooksEach: WEBHOOKS_EACH, urls });
}

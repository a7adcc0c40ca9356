import { measureLoad } from '../measure-load.ts';
import { bounded, type Scenario } from '../scenario.ts';
import { seedOrganizations } from '../seed/organizations.ts';
import { makeOrganizations } from './organizations.ts';
import { complete } from './steady.ts';

const ORGANIZATIONS = 10_000;
const WEBHOOKS_EACH = 10;
const ORIGINS = 200;
/** Until each webhook was used: what is measured is the work with many of them, not the first look at each. */
const WARM_UP_SECONDS = 20;

/** One webhook; then 100,000 of 10,000 organizations, each event to another; then the same behind 200 origins. */
export const manyWebhooks: Scenario = {
  name: 'many-webhooks',
  title: '100,000 webhooks of 10,000 organizations',
  async run(bench) {
    const one = await measureOne();
    const many = await measureMany('100,000 webhooks', 1);
    const spread = await measureMany('100,000 webhooks, 200 origins', ORIGINS);
    return {
      measurements: [one, many, spread],
      checks: () => [
        bounded('many webhooks: rate, against one', many.deliveredPerSecond / one.deliveredPerSecond, {
          atLeast: 0.8,
          show: (ratio) => ratio.toFixed(2),
        }),
        ...[one, many, spread].flatMap(complete),
      ],
    };

    async function measureOne() {
      await using stage = await bench.stage('one-webhook');
      await makeOrganizations(stage, 1, () => [{ url: bench.webhookUrl(0, 'one') }]);
      return await measureLoad(bench, stage, { label: 'one webhook' });
    }

    async function measureMany(label: string, origins: number) {
      await using stage = await bench.stage(`many-webhooks-${origins}`);
      const urls = Array.from({ length: origins }, (_, origin) => bench.webhookUrl(0, 'many', { origin }));
      await seedOrganizations(stage, { organizations: ORGANIZATIONS, webhooksEach: WEBHOOKS_EACH, urls });
      return await measureLoad(bench, stage, { label, organizations: ORGANIZATIONS, types: WEBHOOKS_EACH, warmUpSeconds: WARM_UP_SECONDS });
    }
  },
};

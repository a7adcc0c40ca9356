import { measureInTurns } from '../measure-in-turns.ts';
import { ofLimit, type Scenario } from '../scenario.ts';
import { makeOrganizations } from './organizations.ts';
import { steady } from './steady.ts';

export const single: Scenario = {
  name: 'single',
  title: 'One event a request, one webhook',
  async run(bench) {
    await using stage = await bench.stage('single');
    await makeOrganizations(stage, 1, () => [{ url: bench.webhookUrl(0, 'single') }]);
    const [measurement] = await measureInTurns(bench, [{ stage, load: { label: 'single' } }]);
    return {
      measurements: [measurement],
      checks: (limit) => [ofLimit('single: delivered', measurement.deliveredPerSecond, { limit, atLeast: 0.18 }), ...steady(measurement)],
    };
  },
};

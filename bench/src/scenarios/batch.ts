import { measureInTurns } from '../measure-in-turns.ts';
import { ofLimit, type Scenario } from '../scenario.ts';
import { makeOrganizations } from './organizations.ts';
import { steady } from './steady.ts';

const EVENTS_A_REQUEST = 100;

export const batch: Scenario = {
  name: 'batch',
  title: 'A hundred events a request, one webhook',
  async run(bench) {
    await using stage = await bench.stage('batch');
    await makeOrganizations(stage, 1, () => [{ url: bench.webhookUrl(0, 'batch') }]);
    const [measurement] = await measureInTurns(bench, [{ stage, load: { label: 'batch 100', batch: EVENTS_A_REQUEST } }]);
    return {
      measurements: [measurement],
      checks: (limit) => [ofLimit('batch 100: delivered', measurement.deliveredPerSecond, { limit, atLeast: 0.3 }), ...steady(measurement)],
    };
  },
};

import { measureInTurns } from '../measure-in-turns.ts';
import { ofLimit, type Scenario } from '../scenario.ts';
import { makeOrganizations } from './organizations.ts';
import { steady } from './steady.ts';

const FAN_OUT = 5;

export const fanOut: Scenario = {
  name: 'fan-out',
  title: 'One event a request, five webhooks',
  async run(bench) {
    await using stage = await bench.stage('fan-out');
    await makeOrganizations(stage, 1, () => Array.from({ length: FAN_OUT }, (_, slot) => ({ url: bench.webhookUrl(slot, 'fan-out') })));
    const [measurement] = await measureInTurns(bench, [{ stage, load: { label: 'fan-out 5', fanOut: FAN_OUT } }]);
    return {
      measurements: [measurement],
      checks: (limit) => [
        ofLimit('fan-out 5: delivered', measurement.deliveredPerSecond, { limit, atLeast: 0.28 }),
        ...steady(measurement),
      ],
    };
  },
};

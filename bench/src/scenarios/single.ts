import { measureInTurns } from '../measure-in-turns.ts';
import { ofLimit, type Scenario } from '../scenario.ts';
import { makeOrganizations } from './organizations.ts';
import { steady } from './steady.ts';

/** Of the connections that the run's options say. Rates rise with them until the machine is full, and latencies from then on. */
const TIMES = [1, 2, 4];

export const single: Scenario = {
  name: 'single',
  title: 'One event a request, one webhook',
  async run(bench) {
    await using stage = await bench.stage('single');
    await makeOrganizations(stage, 1, () => [{ url: bench.webhookUrl(0, 'single') }]);
    const loads = TIMES.map((times) => times * bench.options.connections).map((connections) => ({
      stage,
      load: { label: `single, ${connections} connections`, connections },
    }));
    const measurements = await measureInTurns(bench, loads);
    const best = Math.max(...measurements.map((measurement) => measurement.deliveredPerSecond));
    return {
      measurements,
      checks: (limit) => [
        ofLimit('single: delivered, with as many connections as it takes', best, { limit, atLeast: 0.18 }),
        ...measurements.flatMap(steady),
      ],
    };
  },
};

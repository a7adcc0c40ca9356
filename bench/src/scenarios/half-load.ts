import { measureInTurns } from '../measure-in-turns.ts';
import { measureLoad } from '../measure-load.ts';
import { milliseconds } from '../report/table.ts';
import { bounded, type Scenario } from '../scenario.ts';
import { makeOrganizations } from './organizations.ts';
import { steady } from './steady.ts';

const FULL_LOAD_SECONDS = 10;

export const halfLoad: Scenario = {
  name: 'half-load',
  title: 'Half of the full rate, one event a request, one webhook',
  async run(bench) {
    await using stage = await bench.stage('half-load');
    await makeOrganizations(stage, 1, () => [{ url: bench.webhookUrl(0, 'half-load') }]);
    const seconds = Math.min(FULL_LOAD_SECONDS, bench.options.seconds);
    const full = await measureLoad(bench, stage, { label: 'full load', seconds });
    const [half] = await measureInTurns(bench, [{ stage, load: { label: 'half load', rate: full.deliveredPerSecond / 2 } }]);
    const show = (us: number): string => `${milliseconds(us)} ms`;
    return {
      measurements: [full, half],
      checks: () => [
        bounded('half load: sent → received, p50', half.deliveryLatency.p50, { atMost: 5_000, show }),
        bounded('half load: sent → received, p99', half.deliveryLatency.p99, { atMost: 50_000, show }),
        ...steady(half),
      ],
    };
  },
};

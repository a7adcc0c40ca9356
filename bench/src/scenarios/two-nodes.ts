import { drain, loadPlan, measureLoad, pause, type LoadOptions } from '../measure-load.ts';
import { milliseconds } from '../report/table.ts';
import { bounded, type Scenario } from '../scenario.ts';
import { makeOrganizations } from './organizations.ts';
import { complete } from './steady.ts';
import { nodesShareTheWork } from './shared-work.ts';

/** Enough that both nodes own some. */
const ORGANIZATIONS = 64;
const TAKEOVER_MS = 10_000;
const AFTER_KILL_MS = 15_000;

/** Two nodes on one database take events for all organizations; then one of them dies. */
export const twoNodes: Scenario = {
  name: 'two-nodes',
  title: 'Two nodes on one PostgreSQL, then one dies',
  async run(bench) {
    await using stage = await bench.stage('two-nodes');
    await makeOrganizations(stage, ORGANIZATIONS, (index) => [{ url: bench.webhookUrl(0, `two-nodes-${index}`) }]);
    const load: LoadOptions = { label: 'one node', organizations: ORGANIZATIONS };
    const one = await measureLoad(bench, stage, load);
    const second = await stage.startNode();
    await nodesShareTheWork(stage);
    const two = await measureLoad(bench, stage, { ...load, label: 'two nodes' });

    await bench.sink.call('reset', { fanOut: 1 });
    await bench.load.call('start', loadPlan(bench, stage, load));
    await pause(3_000);
    await bench.sink.call('openWindow', undefined);
    await stage.killNode(second);
    await pause(AFTER_KILL_MS);
    const { latency } = await bench.sink.call('closeWindow', undefined);
    await bench.load.call('stop', undefined);
    const { account } = await drain(bench, load, 30_000);
    return {
      measurements: [one, two],
      checks: () => [
        bounded('one of two died: longest wait', latency.max, { atMost: TAKEOVER_MS * 1000, show: (us) => `${milliseconds(us)} ms` }),
        bounded('one of two died: accepted, not delivered', account.lost, { atMost: 0 }),
        ...[one, two].flatMap(complete),
      ],
    };
  },
};

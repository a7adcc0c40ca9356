import type { Bench } from '../bench.ts';
import { drain, loadPlan, pause, type LoadOptions } from '../measure-load.ts';
import { milliseconds } from '../report/table.ts';
import { bounded, type Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { makeOrganizations } from './organizations.ts';
import { nodesShareTheWork } from './shared-work.ts';

const ORGANIZATIONS = 64;
const LOAD_MS = 3_000;
const TAKEOVER_MS = 10_000;
/** What a node has sent and not yet recorded may be sent again. */
const SETTLING_SECONDS = 0.05;

interface Round {
  readonly lost: number;
  readonly repeats: number;
  /** What was in flight plus 50 ms of settling. */
  readonly allowedRepeats: number;
  /** The longest that an accepted event took to arrive, µs: the takeover. */
  readonly longestUs: number;
}

/** A node of two is killed at full load, again and again; each time another takes its place. */
export const kill9: Scenario = {
  name: 'kill-9',
  title: 'kill -9 of one of two nodes under load',
  async run(bench) {
    await using stage = await bench.stage('kill-9');
    await makeOrganizations(stage, ORGANIZATIONS, (index) => [{ url: bench.webhookUrl(0, `kill-9-${index}`) }]);
    await stage.startNode();
    const rounds: Round[] = [];
    for (let number = 1; number <= bench.options.rounds; number++) {
      const round = await killOnce(bench, stage);
      rounds.push(round);
      const { lost, repeats, allowedRepeats, longestUs } = round;
      process.stdout.write(
        `  kill ${number}: ${lost} lost, ${repeats} repeats of ${allowedRepeats} allowed, longest wait ${milliseconds(longestUs)} ms\n`,
      );
    }
    const sum = (pick: (round: Round) => number): number => rounds.reduce((total, round) => total + pick(round), 0);
    const over = rounds.filter((round) => round.repeats > round.allowedRepeats).length;
    const longest = Math.max(...rounds.map((round) => round.longestUs));
    return {
      measurements: [],
      checks: () => [
        bounded(
          `kill -9, ${rounds.length} times: accepted, not delivered`,
          sum((round) => round.lost),
          { atMost: 0 },
        ),
        bounded(
          'kill -9: repeats in all',
          sum((round) => round.repeats),
          { atMost: sum((round) => round.allowedRepeats) },
        ),
        bounded('kill -9: kills with more repeats than in flight and 50 ms', over, { atMost: 0 }),
        bounded('kill -9: longest takeover', longest, { atMost: TAKEOVER_MS * 1000, show: (us) => `${milliseconds(us)} ms` }),
      ],
    };
  },
};

async function killOnce(bench: Bench, stage: Stage): Promise<Round> {
  await nodesShareTheWork(stage);
  const load: LoadOptions = { label: 'kill -9', organizations: ORGANIZATIONS };
  await bench.sink.call('reset', { fanOut: 1 });
  await bench.load.call('start', loadPlan(bench, stage, load));
  await pause(LOAD_MS);
  await bench.sink.call('openWindow', undefined);
  await pause(1_000);
  const { received, seconds } = await bench.sink.call('closeWindow', undefined);
  const { connections } = await bench.sink.call('counts', undefined);
  const [victim] = stage.nodes;
  if (!victim) throw new Error('No node is running.');
  const nodes = stage.nodes.length;
  await bench.sink.call('openWindow', undefined);
  await stage.killNode(victim);
  // Load goes on with the other node: what it accepts for the dead node's shards has to wait for the takeover.
  await pause(LOAD_MS);
  await bench.load.call('stop', undefined);
  const { account } = await drain(bench, load, 30_000);
  const { latency } = await bench.sink.call('closeWindow', undefined);
  await stage.startNode();
  // A connection carries one exchange at a time: half of them are the dead node's.
  const allowedRepeats = Math.ceil((connections + (received / seconds) * SETTLING_SECONDS) / nodes);
  return { lost: account.lost, repeats: account.repeats, allowedRepeats, longestUs: latency.max };
}

import type { Bench } from '../bench.ts';
import { measureInTurns } from '../measure-in-turns.ts';
import { bounded, type Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { makeOrganizations } from './organizations.ts';
import { complete } from './steady.ts';

const WEBHOOKS = 100;
const HANGING_ONE_IN = 10;
/** Short, so that timeouts happen all through the run; the usual default is longer and asks less of the server. */
const TIMEOUT_MS = 5_000;

const show = (ratio: number): string => ratio.toFixed(2);

/** A hundred webhooks that answer, and a hundred of which every tenth never does. */
export const hanging: Scenario = {
  name: 'hanging',
  title: 'A tenth of 100 webhooks never answers',
  async run(bench) {
    await using answeringStage = await bench.stage('all-answer');
    await makeHundred(bench, answeringStage, false);
    await using hangingStage = await bench.stage('a-tenth-hangs');
    await makeHundred(bench, hangingStage, true);
    await bench.sink.call('hang', true);
    const both = async (label: string, rate: number | null) => {
      const load = { organizations: WEBHOOKS, rate };
      const [answering, hung] = await measureInTurns(bench, [
        { stage: answeringStage, load: { ...load, label: `all answer${label}` } },
        { stage: hangingStage, load: { ...load, label: `a tenth hangs${label}`, hangingOneIn: HANGING_ONE_IN } },
      ]);
      return { answering, hung };
    };
    const full = await both('', null);
    const half = await both(', half load', full.answering.acceptedPerSecond / 2);
    await bench.sink.call('hang', false);
    const measurements = [full.answering, full.hung, half.answering, half.hung];
    const rateBefore = full.answering.deliveredPerSecond * (1 - 1 / HANGING_ONE_IN);
    const p99Ratio = ({ answering, hung }: typeof full): number => hung.deliveryLatency.p99 / answering.deliveryLatency.p99;
    return {
      measurements,
      checks: () => [
        bounded('hanging: rate of the others, against all answering', full.hung.deliveredPerSecond / rateBefore, { atLeast: 0.85, show }),
        bounded('hanging: p99 of the others, against all answering', p99Ratio(full), { atMost: 2, show }),
        bounded('hanging: the same at half load', p99Ratio(half), { atMost: 2, show }),
        ...measurements.flatMap(complete),
      ],
    };
  },
};

async function makeHundred(bench: Bench, stage: Stage, hangs: boolean): Promise<void> {
  await makeOrganizations(stage, WEBHOOKS, (index) => [
    {
      url: bench.webhookUrl(0, `hanging-${index}`, { hanging: hangs && index % HANGING_ONE_IN === 0, origin: index }),
      timeoutMs: TIMEOUT_MS,
    },
  ]);
}

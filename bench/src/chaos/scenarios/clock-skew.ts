import { between, oneOf } from '../random.ts';
import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

const HOUR_MS = 3_600_000;
/** How far a clock may be ahead; 25 hours are more than a day's partition. */
const SHIFTS_MS = [-HOUR_MS, -2_000, 0, 2_000, HOUR_MS, 25 * HOUR_MS];
const JUMPS = 6;

export const clockSkew = underLoad({
  name: 'clock-skew',
  title: 'The nodes have different clocks, which jump forward and back',
  rounds: 3,
  repeats: 'none',
  stage: { nodes: 3, endpoints: ENDPOINTS },
  async fault({ stage, random, round, tell }) {
    if (round === 1) {
      tell('one node 25 hours ahead, one an hour behind');
      const [first, second] = stage.nodes;
      await first?.setClock(25 * HOUR_MS);
      await second?.setClock(-HOUR_MS);
      await pause(5_000);
      return;
    }
    for (let jump = 0; jump < JUMPS; jump++) {
      const node = oneOf(random, stage.nodes);
      const shiftMs = oneOf(random, SHIFTS_MS);
      tell(`${node.name} is ${shiftMs} ms ahead`);
      await node.setClock(shiftMs);
      await pause(between(random, 200, 2_000));
    }
  },
});

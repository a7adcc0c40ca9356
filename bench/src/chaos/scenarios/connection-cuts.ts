import { between, oneOf } from '../random.ts';
import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

const CUTS = 10;

export const connectionCuts = underLoad({
  name: 'connection-cuts',
  title: 'All connections of a node to PostgreSQL are cut, again and again',
  rounds: 3,
  repeats: 'none',
  stage: { nodes: 2, endpoints: ENDPOINTS },
  async fault({ stage, random, tell }) {
    tell(`${CUTS} cuts`);
    for (let cut = 0; cut < CUTS; cut++) {
      const accept = oneOf(random, stage.nodes).line.refuse();
      await pause(between(random, 0, 300));
      accept();
      await pause(between(random, 50, 1_500));
    }
  },
});

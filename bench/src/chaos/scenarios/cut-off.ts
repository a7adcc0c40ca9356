import { between, oneOf } from '../random.ts';
import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

export const cutOff = underLoad({
  name: 'cut-off',
  title: 'A node cannot reach PostgreSQL for longer than its lease lasts, while the other works',
  rounds: 3,
  repeats: 'allowed',
  stage: { nodes: 2, endpoints: ENDPOINTS },
  async fault({ stage, random, tell }) {
    const node = oneOf(random, stage.nodes);
    const awayMs = between(random, 7_000, 12_000);
    tell(`${node.name} is cut off for ${awayMs} ms`);
    const accept = node.line.refuse();
    await pause(awayMs);
    accept();
    await pause(2_000);
  },
});

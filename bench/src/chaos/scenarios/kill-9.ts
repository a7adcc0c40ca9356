import { between, oneOf } from '../random.ts';
import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

export const kill9 = underLoad({
  name: 'kill-9',
  title: 'One of three nodes is killed, and started again before or after the others take over',
  rounds: 4,
  repeats: 'allowed',
  stage: { nodes: 3, endpoints: ENDPOINTS },
  async fault({ stage, random, tell }) {
    const node = oneOf(random, stage.nodes);
    const awayMs = between(random, 0, 9_000);
    tell(`kill -9 ${node.name}, away for ${awayMs} ms`);
    await node.kill();
    await pause(awayMs);
    await node.start();
  },
});

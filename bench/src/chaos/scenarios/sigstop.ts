import { between, oneOf } from '../random.ts';
import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

/** A lease lasts 6 s. */
const SHORTEST_MS = 7_000;
const LONGEST_MS = 30_000;

export const sigstop = underLoad({
  name: 'sigstop',
  title: 'One of three nodes is frozen for longer than its lease lasts, and continues',
  rounds: 3,
  repeats: 'allowed',
  stage: { nodes: 3, endpoints: ENDPOINTS },
  async fault({ stage, random, round, tell }) {
    const node = oneOf(random, stage.nodes);
    const frozenMs = round === 1 ? SHORTEST_MS : between(random, SHORTEST_MS, LONGEST_MS);
    tell(`SIGSTOP ${node.name} for ${frozenMs} ms`);
    node.freeze();
    await pause(frozenMs);
    node.thaw();
    await pause(SHORTEST_MS);
  },
});

import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

const REFUSED_MS = 1_500;

export const rollingRestart = underLoad({
  name: 'rolling-restart',
  title: 'Each node in turn is stopped and started while deliveries in order wait for their retries',
  rounds: 1,
  repeats: 'none',
  stage: { nodes: 3, endpoints: ENDPOINTS },
  async fault({ stage, tell }) {
    for (const node of stage.nodes) {
      tell(`${node.name} restarts while the endpoints refuse`);
      await stage.receiver.call('refuse', true);
      await pause(REFUSED_MS);
      await node.stop();
      await stage.receiver.call('refuse', false);
      await node.start();
      await stage.nodesShareTheWork();
    }
  },
});

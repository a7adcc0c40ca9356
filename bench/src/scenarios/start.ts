import { bounded, type Scenario } from '../scenario.ts';

const STARTS = 3;
const READY_MS = 5_000;

/** How long a newcomer waits: an empty folder, the embedded database made and migrated. */
export const start: Scenario = {
  name: 'start',
  title: 'Start to ready on the embedded database',
  async run(bench) {
    let slowestMs = 0;
    for (let number = 1; number <= STARTS; number++) {
      await using posthorn = await bench.startEmbedded(`start-${number}`);
      slowestMs = Math.max(slowestMs, posthorn.readyMs);
    }
    const show = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
    return {
      measurements: [],
      checks: () => [bounded(`start to ready, slowest of ${STARTS}`, slowestMs, { atMost: READY_MS, show })],
    };
  },
};

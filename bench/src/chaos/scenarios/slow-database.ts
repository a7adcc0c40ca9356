import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

const TURNS = 50;
const FROZEN_MS = 350;
const RUNNING_MS = 50;

export const slowDatabase = underLoad({
  name: 'slow-database',
  title: 'PostgreSQL runs for an eighth of the time only',
  rounds: 1,
  repeats: 'none',
  stage: { nodes: 2, endpoints: ENDPOINTS },
  async fault({ stage, tell }) {
    tell(`PostgreSQL runs ${RUNNING_MS} ms of every ${FROZEN_MS + RUNNING_MS} ms`);
    for (let turn = 0; turn < TURNS; turn++) {
      if (!(await frozen(stage.database))) continue;
      await pause(FROZEN_MS);
      stage.database.thaw();
      await pause(RUNNING_MS);
    }
  },
});

/** With every connection in use there is none to ask for the processes. */
async function frozen(database: { freeze(): Promise<void> }): Promise<boolean> {
  return database.freeze().then(
    () => true,
    () => false,
  );
}

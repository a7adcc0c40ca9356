import { between } from '../random.ts';
import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

export const databaseCrash = underLoad({
  name: 'database-crash',
  title: 'PostgreSQL crashes under load',
  rounds: 3,
  repeats: 'allowed',
  stage: { nodes: 2, endpoints: ENDPOINTS },
  async fault({ stage, random, tell }) {
    const awayMs = between(random, 0, 3_000);
    tell(`PostgreSQL crashes, away for ${awayMs} ms`);
    await stage.database.crash();
    await pause(awayMs);
    await stage.database.restart();
  },
});

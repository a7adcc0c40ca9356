import { between } from '../random.ts';
import { underLoad } from '../under-load.ts';
import { pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

export const frozenDatabase = underLoad({
  name: 'frozen-database',
  title: 'Every process of PostgreSQL is frozen, and continues',
  rounds: 3,
  repeats: 'allowed',
  stage: { nodes: 2, endpoints: ENDPOINTS },
  async fault({ stage, random, round, tell }) {
    const frozenMs = round === 1 ? 3_000 : between(random, 5_000, 20_000);
    tell(`PostgreSQL frozen for ${frozenMs} ms`);
    await stage.database.freeze();
    await pause(frozenMs);
    stage.database.thaw();
    await pause(2_000);
  },
});

import { between, oneOf } from '../random.ts';
import { underLoad, type FaultScene } from '../under-load.ts';
import { pause, within } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

const BURNT_IDS = 5_000;
/** Takes transaction ids and leaves no trace of them on the disk. */
const BURN = `CREATE TEMP TABLE burnt (x int);
BEGIN;
DO $$ BEGIN FOR i IN 1..${BURNT_IDS} LOOP BEGIN INSERT INTO burnt VALUES (1); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$;
ROLLBACK`;
/** Long enough for every node to see how far the ids have come. */
const SEEN_MS = 80;
/** Longer than a lease: the other node may count itself alone. */
const LATEST_MS = 9_000;
const IDLE_MS = 30_000;
const QUIET_MS = 1_500;

export const reusedIds = underLoad({
  name: 'reused-ids',
  title: 'PostgreSQL crashes and gives transaction ids out again, while one node is away',
  rounds: 4,
  repeats: 'allowed',
  // Ids that are taken in quick succession reach the disk late.
  stage: { nodes: 2, endpoints: ENDPOINTS, postgres: { settings: { wal_writer_delay: '10s' } } },
  fault: crash,
});

/** One node comes back when the other has committed events under ids that it has read past. */
async function crash({ stage, load, random, tell }: FaultScene): Promise<string> {
  const { database } = stage;
  const late = oneOf(random, stage.nodes);
  load.hold(true);
  await within(IDLE_MS, 'The load does not get quiet.', async () => load.idle);
  await pause(QUIET_MS);
  await database.query(BURN);
  const before = await nextId(stage);
  await pause(SEEN_MS);
  await database.crash();
  const accept = late.line.refuse();
  await database.restart();
  const after = await nextId(stage);
  load.hold(false);
  const lateMs = between(random, 300, LATEST_MS);
  tell(`PostgreSQL crashes, next transaction id ${before} → ${after}; ${late.name} comes back ${lateMs} ms later`);
  await pause(lateMs);
  accept();
  await pause(QUIET_MS);
  return after < before ? `ids given out again: ${before - after}` : 'no id given out again';
}

async function nextId({ database }: FaultScene['stage']): Promise<number> {
  const [row] = await database.query<{ xid: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid');
  return Number(row?.xid);
}

import { between } from '../random.ts';
import type { ChaosScenario } from '../scenario.ts';
import { mountSmallDisk, type SmallDisk } from '../small-disk.ts';
import { runRounds, type FaultScene } from '../under-load.ts';
import { inTime, pause } from '../waiting.ts';
import { ENDPOINTS } from './endpoints.ts';

const MIB = 1_048_576;
const DISK_BYTES = 400 * MIB;
const FULL_MS = 12_000;
const BACK_MS = 15_000;
/** So that the disk fills in a moment. */
const PAD_BYTES = 20_000;

export const diskFull: ChaosScenario = {
  name: 'disk-full',
  title: 'The disk of PostgreSQL is full for a while',
  repeats: 'allowed',
  async run(run) {
    const disk = await mountSmallDisk(DISK_BYTES);
    if ('refused' in disk) return { kind: 'skipped', reason: disk.refused };
    await using mounted = disk;
    const postgres = { directory: mounted.folder, settings: { min_wal_size: '32MB', max_wal_size: '64MB' } };
    const stage = { nodes: 2, endpoints: ENDPOINTS, postgres };
    return await runRounds({ name: 'disk-full', rounds: 2, padBytes: PAD_BYTES, stage, fault: (scene) => fillDisk(mounted, scene) }, run);
  },
};

async function fillDisk(disk: SmallDisk, { stage, random, tell }: FaultScene): Promise<string> {
  const freeBytes = between(random, 0, 12) * MIB;
  tell(`${freeBytes / MIB} MiB left`);
  await disk.fill(freeBytes);
  await pause(FULL_MS);
  await disk.empty();
  // PostgreSQL ends by itself if it cannot write its log; a supervisor starts it again.
  if (await inTime(BACK_MS, async () => (await stage.database.query('SELECT 1')).length === 1)) return 'PostgreSQL went on by itself';
  await stage.database.restart();
  return 'PostgreSQL had to be started again';
}

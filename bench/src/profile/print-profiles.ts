import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { table } from '../report/table.ts';
import { selfTimes, type CpuProfile } from './self-times.ts';

const SHOWN = 40;

/** Prints where the time of each profiled process went, within a stretch of time. */
export async function printProfiles(folder: string, window: { fromUs: number; toUs: number } | null): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.cpuprofile'));
  for (const name of names) {
    const path = join(folder, name);
    const profile = JSON.parse(await readFile(path, 'utf8')) as CpuProfile;
    const times = selfTimes(profile, window);
    const total = times.reduce((sum, time) => sum + time.us, 0);
    const rows = times.slice(0, SHOWN).map(({ name: functionName, place, us }) => {
      return [`${functionName}  ${place}`, `${((us / total) * 100).toFixed(1)}%`, `${Math.round(us / 1000)} ms`];
    });
    process.stdout.write(`\nSelf time, ${path}, ${(total / 1e6).toFixed(1)} s busy\n${table(rows)}\n`);
  }
}

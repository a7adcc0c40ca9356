import { readFile, readdir } from 'node:fs/promises';

/** What processes have used so far. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Resident; of several processes that share memory, each its part. */
  readonly memoryBytes: number;
}

/** Linux reports times in hundredths of a second on every platform that Node runs on. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  readonly ownTicks: number;
  readonly endedChildrenTicks: number;
}

/** Reads a line of `/proc/<pid>/stat` (proc_pid_stat(5)). The name in brackets may hold anything, so count from its end. */
export function parseStat(line: string): ProcessTimes {
  const fields = line
    .slice(line.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (number: number): number => fields[number - 3] ?? 0;
  return { parent: field(4), ownTicks: field(14) + field(15), endedChildrenTicks: field(16) + field(17) };
}

/** Reads a `Name:   123 kB` line of a /proc file. */
export function parseKilobytes(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text);
  return Number(match?.[1] ?? 0) * 1024;
}

/** A process, null where it is gone or there is no /proc. */
export async function usageOf(pid: number): Promise<Usage | null> {
  const [stat, status] = await Promise.all([read(`/proc/${pid}/stat`), read(`/proc/${pid}/status`)]);
  if (stat === null || status === null) return null;
  return { cpuSeconds: parseStat(stat).ownTicks / TICKS_PER_SECOND, memoryBytes: parseKilobytes(status, 'VmRSS') };
}

/** A process and its children, the ended ones included. */
export async function usageOfTree(pid: number): Promise<Usage | null> {
  const root = await read(`/proc/${pid}/stat`);
  if (root === null) return null;
  const rootTimes = parseStat(root);
  let ticks = rootTimes.ownTicks + rootTimes.endedChildrenTicks;
  let memoryBytes = await proportionalMemory(pid);
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await read(`/proc/${name}/stat`);
    if (stat === null) continue;
    const times = parseStat(stat);
    if (times.parent !== pid) continue;
    ticks += times.ownTicks;
    memoryBytes += await proportionalMemory(Number(name));
  }
  return { cpuSeconds: ticks / TICKS_PER_SECOND, memoryBytes };
}

async function proportionalMemory(pid: number): Promise<number> {
  return parseKilobytes((await read(`/proc/${pid}/smaps_rollup`)) ?? '', 'Pss');
}

async function read(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

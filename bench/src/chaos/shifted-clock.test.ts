import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const PRELOAD = new URL('shifted-clock.ts', import.meta.url).href;
const HOUR_MS = 3_600_000;
const WORKER = `import { parentPort } from 'node:worker_threads';
parentPort.on('message', () => parentPort.postMessage(Date.now()));`;
/** Prints the clocks of the main thread and of a worker whenever a line comes in. */
const MAIN = `import { Worker } from 'node:worker_threads';
const worker = new Worker(new URL('worker.mjs', import.meta.url));
const clocks = (now) => [Date.now(), new Date().getTime(), now, Date.UTC(2026, 0, 1), new Date(2026, 0, 1, 12).getHours(), new Date(5).getTime()];
worker.on('message', (now) => console.log(JSON.stringify(clocks(now))));
process.stdin.on('data', () => worker.postMessage(0));`;

test('shifts the clock of every thread of a process, and again when the file changes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-clock-'));
  const file = join(folder, 'clock');
  await writeFile(file, String(HOUR_MS));
  await writeFile(join(folder, 'worker.mjs'), WORKER);
  await writeFile(join(folder, 'main.mjs'), MAIN);
  const child = spawn(process.execPath, ['--import', PRELOAD, join(folder, 'main.mjs')], {
    env: { ...process.env, CHAOS_CLOCK_FILE: file },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const shifts = async (): Promise<number[]> => {
    child.stdin.write('\n');
    const [line]: Buffer[] = await once(child.stdout, 'data');
    const [now = 0, made = 0, worker = 0, ...rest] = JSON.parse(String(line)) as number[];
    expect(rest).toEqual([Date.UTC(2026, 0, 1), 12, 5]);
    return [now, made, worker].map((moment) => Math.round((moment - Date.now()) / HOUR_MS));
  };
  try {
    expect(await shifts()).toEqual([1, 1, 1]);
    await writeFile(file, String(-HOUR_MS));
    await expect.poll(shifts, { timeout: 20_000 }).toEqual([-1, -1, -1]);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});

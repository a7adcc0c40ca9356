import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { expect, test, vi } from 'vitest';
import { startPostgres } from './postgres-server.ts';

const MODULE = new URL('postgres-server.ts', import.meta.url).href;

test('stopping ends the server', async () => {
  const server = await startPostgres({ fsync: false });
  expect(await isListening(server.url)).toBe(true);
  await server.stop();
  expect(await isListening(server.url)).toBe(false);
});

test('the server ends when the process that started it is killed', async () => {
  const script = `import { startPostgres } from '${MODULE}'; console.log((await startPostgres({ fsync: false })).url); setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed]: Buffer[] = await once(owner.stdout, 'data');
  const url = String(printed).trim();
  expect(await isListening(url)).toBe(true);
  owner.kill('SIGKILL');
  await vi.waitUntil(async () => !(await isListening(url)), { timeout: 15_000, interval: 50 });
});

async function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = createConnection(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

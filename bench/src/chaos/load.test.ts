import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { Load } from './load.ts';

/** Answers each request with the next status of the list, then with 202; null: cuts the connection. */
async function startNode(answers: (number | null)[]): Promise<{ server: Server; url: string; ids: string[] }> {
  const ids: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      ids.push((JSON.parse(Buffer.concat(chunks).toString()) as { id: string }).id);
      const answer = answers.shift();
      if (answer === null) response.destroy();
      else response.writeHead(answer ?? 202).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, ids, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function loadOf(urls: readonly string[]): Load {
  return new Load({ nodes: () => urls, rootKey: 'key', organizations: ['a'], subjects: 1, rate: 1_000, padBytes: 1, name: 's' });
}

test('what is refused or not answered is repeated with its id at the next node, before the next event', async () => {
  const [first, second] = [await startNode([503]), await startNode([null])];
  const load = loadOf([first.url, second.url]);
  await expect.poll(() => first.ids.length, { timeout: 20_000 }).toBeGreaterThan(3);
  const { accepted, refused, unanswered } = await load.stop();
  expect([first.ids.slice(0, 2), second.ids.slice(0, 2), refused, unanswered]).toEqual([
    ['a:s-0:1', 'a:s-0:1'],
    ['a:s-0:1', 'a:s-0:2'],
    1,
    1,
  ]);
  const sent = new Set([...first.ids, ...second.ids]);
  expect([...accepted].sort()).toEqual([...sent].sort());
  for (const { server } of [first, second]) server.close().closeAllConnections();
});

test('a load that was held sends nothing until it continues', async () => {
  const node = await startNode([]);
  const load = loadOf([node.url]);
  load.hold(true);
  await expect.poll(() => load.idle, { timeout: 20_000 }).toBe(true);
  const before = node.ids.length;
  load.hold(false);
  await expect.poll(() => node.ids.length, { timeout: 20_000 }).toBeGreaterThan(before);
  await load.stop();
  node.server.close().closeAllConnections();
});

test('a request that no repeat can mend fails the load', async () => {
  const node = await startNode([400]);
  const load = loadOf([node.url]);
  await expect.poll(() => node.ids.length, { timeout: 20_000 }).toBe(1);
  await expect(load.stop()).rejects.toThrow('The event a:s-0:1 was answered 400');
  node.server.close().closeAllConnections();
});

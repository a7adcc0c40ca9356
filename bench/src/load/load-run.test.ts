import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, vi } from 'vitest';
import { OUTCOME } from '../measure/ledger.ts';
import { LoadRun } from './load-run.ts';

test('every event has an outcome when the server refuses some and closes the connection', { timeout: 20_000 }, async () => {
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume();
    const refused = requests++ % 3 === 0;
    response
      .writeHead(refused ? 503 : 202, { 'content-length': 2, ...(refused ? { 'retry-after': '1', connection: 'close' } : {}) })
      .end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const load = new LoadRun({
    ports: [port],
    rootKey: 'key',
    connections: 8,
    rate: null,
    target: 'events',
    paths: undefined,
    batch: 1,
    dataBytes: 1000,
    organizations: 1,
    types: 1,
  });
  try {
    // Long enough for every connection to break, wait, and send again.
    await vi.waitFor(() => expect(load.counts().refused).toBeGreaterThan(30), { timeout: 15_000 });
  } finally {
    await load.stop(5000);
    server.close();
    server.closeAllConnections();
  }
  const outcomes = [...load.outcomes()];
  const counts = load.counts();
  expect(outcomes.filter((outcome) => outcome === OUTCOME.accepted)).toHaveLength(counts.accepted);
  expect(outcomes.filter((outcome) => outcome === OUTCOME.refused)).toHaveLength(counts.refused);
  expect(outcomes.filter((outcome) => outcome === OUTCOME.sent)).toHaveLength(counts.unanswered);
});

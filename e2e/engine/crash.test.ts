import { expect, test } from 'vitest';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { statement } from '../../packages/server/src/store/database.ts';
import { openPostgres } from '../../packages/server/src/store/postgres.ts';
import type { Api } from '../harness/api.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { startServer } from '../harness/server.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

const TAKEOVER_MS = 30_000;
/** Nodes of one database share them. */
const KEYS = { POSTHORN_ROOT_KEY: 'shared-root-key-0123456789', POSTHORN_ENCRYPTION_KEY: 'shared-encryption-key-0123456789' };

interface Load {
  readonly accepted: Set<string>;
  /** Stops sending, and resolves when the last request has ended. */
  stop(): Promise<void>;
}

/** Emits to the nodes in turn with a number of requests in flight. Events that no node accepted are not counted. */
function emitAt(nodes: readonly Api[], tenant: TestTenant, inFlight: number): Load {
  const accepted = new Set<string>();
  const stopping = new AbortController();
  const worker = async (index: number): Promise<void> => {
    for (let turn = index; !stopping.signal.aborted; turn++) {
      const node = nodes[turn % nodes.length];
      try {
        const answer = await node?.request<{ id: string }>('POST', `${tenant.path}/events`, { body: { type: 'a.b', data: { turn } } });
        if (answer?.status === 202) accepted.add(answer.body.id);
      } catch {
        // The node is gone: nothing was accepted.
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const workers = Array.from({ length: inFlight }, (_, index) => worker(index));
  return {
    accepted,
    async stop() {
      stopping.abort();
      await Promise.all(workers);
    },
  };
}

function received(receiver: Receiver): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { headers } of receiver.requests) {
    const id = headers['webhook-id'] ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

async function expectAllReceived(receiver: Receiver, accepted: ReadonlySet<string>): Promise<void> {
  await eventually(() => {
    const counts = received(receiver);
    const missing = [...accepted].filter((id) => !counts.has(id));
    expect(missing).toEqual([]);
  }, TAKEOVER_MS);
}

test('kill -9 under load: every accepted event is delivered after the restart, and only what was in flight twice', async () => {
  await using place = await testPostgresUrl();
  await using receiver = await startReceiver({ delayMs: 5 });
  await using first = await startServer({ databaseUrl: place.url, environment: KEYS });
  const tenant = await makeTenant(first);
  await tenant.webhook({ url: receiver.url });
  const load = emitAt([first], tenant, 16);
  await receiver.waitFor(200);
  await first.kill();
  await load.stop();
  await using second = await startServer({ databaseUrl: place.url, environment: KEYS });
  expect(load.accepted.size).toBeGreaterThanOrEqual(200);
  await expectAllReceived(receiver, load.accepted);
  const repeated = [...received(receiver).values()].filter((count) => count > 1).length;
  // At most 16 were being sent, and outcomes of the last 50 ms may not have been recorded.
  expect(repeated).toBeLessThanOrEqual(16 + 200);
  expect((await second.request('GET', '/readyz')).status).toBe(200);
});

test('two nodes share the work; when one dies the other delivers what it had accepted', async () => {
  await using place = await testPostgresUrl();
  await using receiver = await startReceiver();
  await using first = await startServer({ databaseUrl: place.url, environment: KEYS });
  await using second = await startServer({ databaseUrl: place.url, environment: KEYS });
  const tenant = await makeTenant(first);
  await tenant.webhook({ url: receiver.url });
  const load = emitAt([first, second], tenant, 8);
  await receiver.waitFor(200);
  await first.kill();
  await eventually(() => expect(received(receiver).size).toBeGreaterThan(400), TAKEOVER_MS);
  await load.stop();
  await expectAllReceived(receiver, load.accepted);
});

test('SIGTERM waits for attempts in flight and leaves the rest to the next start', async () => {
  await using place = await testPostgresUrl();
  await using receiver = await startReceiver({ delayMs: 300 });
  await using first = await startServer({ databaseUrl: place.url, environment: KEYS });
  const tenant = await makeTenant(first);
  await tenant.webhook({ url: receiver.url });
  const accepted = new Set((await Promise.all(Array.from({ length: 40 }, () => tenant.emit('a.b', {})))).map(({ id }) => id));
  await receiver.waitFor(1);
  expect(await first.stop()).toBe(0);
  await eventually(() => expect(first.output()).toMatch(/Stopping: .*\n(.*\n)*.*Posthorn has stopped/));
  await using second = await startServer({ databaseUrl: place.url, environment: KEYS });
  await expectAllReceived(receiver, accepted);
  expect([...received(receiver).values()].every((count) => count === 1)).toBe(true);
  expect((await second.request('GET', '/healthz')).status).toBe(200);
});

test('a second signal ends the process at once, even with attempts in flight', async () => {
  await using receiver = await startReceiver({ delayMs: 600_000 });
  await using server = await startServer();
  const tenant = await makeTenant(server);
  await tenant.webhook({ url: receiver.url });
  await tenant.emit('a.b', {});
  await receiver.waitFor(1);
  const stopped = server.stop();
  await eventually(() => expect(server.output()).toContain('Stopping'));
  expect(server.output()).not.toContain('Posthorn has stopped');
  expect(await Promise.all([stopped, server.stop()])).toEqual([1, 1]);
  await eventually(() => expect(server.output()).toContain('Second signal received'));
});

test('a node without the key of a webhook’s secret logs it, fails the attempt and continues with other deliveries', async () => {
  await using place = await testPostgresUrl();
  await using receiver = await startReceiver();
  await using first = await startServer({ databaseUrl: place.url, environment: KEYS });
  const tenant = await makeTenant(first);
  await tenant.webhook({ url: receiver.url });
  await first.stop();
  const database = await openPostgres(place.url, { connections: 1 });
  await database.query(statement('test_other_key', 'UPDATE webhooks SET secrets = set_byte(secrets, 1, get_byte(secrets, 1) # 1)'));
  await database.close();
  await using second = await startServer({ databaseUrl: place.url, environment: KEYS });
  const { id } = await second.call<{ id: string }>('POST', `${tenant.path}/events`, { type: 'a.b', data: {} });
  await eventually(async () => {
    const { data } = await second.call<{ data: { status: string }[] }>('GET', `${tenant.path}/deliveries?event=${id}`);
    expect(data[0]?.status).toBe('retrying');
  });
  expect(second.output()).toContain('Failed to compose a delivery request');
  expect(second.output()).not.toContain('shared-encryption-key');
});

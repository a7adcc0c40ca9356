import { expect, test } from 'vitest';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { startNode } from '../harness/node-in-process.ts';
import { startReceiver, type Reaction } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

/** Together they need more connections than one organization may use. */
const WEBHOOKS = 80;
const EVENTS = 8;
/** After this time, a request without a connection is signed again. */
const MAX_WAIT_MS = 5_000;

test('hanging webhooks of one organization at a host delay no delivery of another organization there, and none fails because it waited', async () => {
  await using place = await testPostgresUrl();
  await using node = await startNode({ databaseUrl: place.url });
  const opened = Promise.withResolvers<Reaction>();
  await using receiver = await startReceiver(({ target }) => (target.startsWith('/hang') ? opened.promise : {}));
  const [loud, quiet] = [await makeTenant(node), await makeTenant(node)];
  await quiet.webhook({ url: `${receiver.url}/quick`, retry: { kind: 'none' }, timeoutMs: 5_000 });
  for (let index = 0; index < WEBHOOKS; index++) {
    await loud.webhook({ url: `${receiver.url}/hang/${index}`, retry: { kind: 'none' }, timeoutMs: 60_000 });
  }
  await loud.call('POST', '/events/batch', {
    events: Array.from({ length: EVENTS }, (_, n) => ({ type: 'thing.happened', data: { n } })),
  });
  const hanging = () => receiver.requests.filter(({ target }) => target.startsWith('/hang'));
  await eventually(() => expect(hanging().length).toBeGreaterThanOrEqual(256));

  const end = performance.now() + MAX_WAIT_MS * 1.4;
  for (let n = 0; n < 5 || performance.now() < end; n++) {
    const { id } = await quiet.emit('thing.happened', { n });
    const { attempts } = await quiet.settled(id, 'delivered', 1);
    expect(attempts[0]).toMatchObject({ failure: null, response: { status: 200 } });
  }

  expect(hanging().length).toBeLessThan(WEBHOOKS * EVENTS);
  opened.resolve({});
  await eventually(() => expect(hanging()).toHaveLength(WEBHOOKS * EVENTS));
  const signedAt = hanging().map(({ headers }) => Number(headers['webhook-timestamp']));
  expect(Math.max(...signedAt) - Math.min(...signedAt)).toBeGreaterThanOrEqual(MAX_WAIT_MS / 1_000);
  await eventually(async () => {
    const { data } = await loud.call<{ data: unknown[] }>('GET', '/deliveries?status=delivered&limit=100');
    expect(data).toHaveLength(100);
  });
  expect(await loud.call('GET', '/deliveries?status=failed')).toMatchObject({ data: [] });
});

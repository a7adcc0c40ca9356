import { createClient, defineProduct, PosthornApiError } from '@posthorn/sdk';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { startNode, type InProcessNode } from './harness/node-in-process.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

const order = z.object({ id: z.string(), status: z.enum(['open', 'paid']), total: z.string() });
const sample = { id: 'o-1', status: 'open' as const, total: '1' };

const shop = defineProduct({
  name: 'sdk-shop',
  events: {
    'order-changed': { description: 'Changed.', schema: order, sample },
    'orders-of-day': { description: 'Daily.', sample: { orders: [] } },
  },
  objects: { order: { schema: order, created: 'order-changed', updated: 'order-changed' } },
  digests: {
    daily: {
      event: 'orders-of-day',
      kind: 'order',
      at: '07:00',
      timeZone: 'UTC',
      entry: ({ id }) => id,
      data: (_context, orders) => ({ orders: [...orders] }),
    },
  },
});

let node: InProcessNode;
let receiver: Receiver;

beforeAll(async () => {
  [node, receiver] = await Promise.all([startNode({ products: [shop] }), startReceiver()]);
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

test('the client creates, pushes, lists and reads as its types say', async () => {
  const client = createClient<typeof shop>({ url: node.server.url, key: node.rootKey });
  const organization = await client.organizations.create({
    name: 'Acme',
    product: 'sdk-shop',
    inbound: true,
    timeZone: 'Europe/Paris',
    contactEmail: 'owner@acme.example',
  });
  expect(organization).toMatchObject({ product: 'sdk-shop', contactEmail: 'owner@acme.example' });
  const acme = client.organization(organization.id);
  const webhook = await acme.webhooks.create({ url: receiver.url, events: ['order-changed'] });
  expect(webhook.secret).toMatch(/^whsec_/);

  const { object, events } = await acme.objects.put('order', 'o-1', { state: sample, sender: { id: 7 } });
  expectTypeOf(object.state).toEqualTypeOf<{ id: string; status: 'open' | 'paid'; total: string }>();
  expect([object.version, events.map(({ type }) => type)]).toEqual([1, ['order-changed']]);
  const paid = { state: { status: 'paid' }, version: 1 };
  expect((await acme.objects.patch('order', 'o-1', paid)).object.state.status).toBe('paid');
  await expect(acme.objects.patch('order', 'o-1', paid)).rejects.toMatchObject({ code: 'version_mismatch' });
  await expect(acme.objects.put('order', 'o-1', { state: sample, version: 0 })).rejects.toMatchObject({ code: 'version_mismatch' });
  await expect(acme.objects.delete('order', 'o-1', { version: 1 })).rejects.toMatchObject({ code: 'version_mismatch' });
  const [first, second] = await acme.objects.batch([
    { kind: 'order', id: 'o-2', state: { ...sample, id: 'o-2' } },
    { kind: 'order', id: 'o-1', state: sample, version: 1 },
  ]);
  expect(first).toMatchObject({ object: { id: 'o-2', version: 1 } });
  expect(second).toBeInstanceOf(PosthornApiError);
  expect(second).toMatchObject({ code: 'version_mismatch', status: 412 });
  expect((await acme.objects.list('order')).data.map(({ id }) => id)).toEqual(['o-1', 'o-2']);
  await acme.objects.delete('order', 'o-2');
  await expect(acme.objects.get('order', 'o-2')).rejects.toMatchObject({ code: 'not_found' });
  await receiver.waitFor(3);

  expect(await acme.digests.list()).toMatchObject([{ id: 'daily', at: '07:00', timeZone: 'Europe/Paris', lastRunAt: null }]);
  expect(await acme.digests.preview('daily')).toMatchObject([{ type: 'orders-of-day', data: { orders: ['o-1'] } }]);
  expect(await acme.digests.run('daily')).toHaveLength(1);
  expect(await acme.digests.update('daily', { at: '08:30' })).toMatchObject({ at: '08:30', lastRunAt: expect.any(String) });

  const { id } = await acme.emit('order-changed', sample, { id: 'my-own' });
  expect(await acme.events.get(id)).toMatchObject({ id: 'my-own', data: sample });
  await expect(acme.emit('order-changed', { ...sample, total: 5 as unknown as string })).rejects.toMatchObject({
    code: 'invalid_data',
    errors: [{ path: '/data/total' }],
  });

  const goal = await acme.goals.create({ name: 'Revenue', direction: 'maximize', goodThreshold: '0.10' });
  const hook = await acme.inboundHooks.create({ target: { kind: 'goal', id: goal.id } });
  const posted = await fetch(hook.url, { method: 'POST', body: '{"date":"2026-01-15","value":0.3}' });
  expect(posted.status).toBe(201);
  expect((await acme.goals.points(goal.id)).data).toMatchObject([{ date: '2026-01-15', value: '0.3', colour: 'green' }]);
  expect(await acme.goals.get(goal.id)).toMatchObject({ goodThreshold: '0.1', colour: 'green' });
  const rotated = await acme.inboundHooks.rotateKey(hook.id, { overlapSeconds: 0 });
  expect(rotated.url).not.toBe(hook.url);
  expect((await fetch(hook.url, { method: 'POST', body: '{}' })).status).toBe(401);
});

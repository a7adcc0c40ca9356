import { Writable } from 'node:stream';
import type { ProductDefinition } from '@posthorn/protocol';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { eventually } from '../../packages/server/test-support/eventually.ts';
import { MAIL_PASSWORD, startMailbox } from '../harness/mailbox.ts';
import { startNode, TestClock, type InProcessNode } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Two attempts, an hour apart; then, or after two days of failures only, the webhook is marked failed. */
const STRICT: ProductDefinition = {
  name: 'strict',
  anyEvent: true,
  events: {},
  delivery: { retry: { kind: 'fixed', delayMs: HOUR_MS, retries: 1, jitter: 0 }, whenExhausted: 'fail-webhook', disableAfterMs: null },
};
const PATIENT: ProductDefinition = {
  name: 'patient',
  anyEvent: true,
  events: {},
  delivery: { retry: { kind: 'fixed', delayMs: HOUR_MS, retries: 1, jitter: 0 }, disableAfterMs: 2 * DAY_MS },
};

interface Told {
  readonly type: string;
  readonly data: {
    readonly webhook: { readonly id: string; readonly url: string };
    readonly reason: string | null;
    readonly [field: string]: unknown;
  };
}

/** An operator's organization with a webhook for all events. */
async function operator(node: InProcessNode, more: object = {}): Promise<{ receiver: Receiver; tenant: TestTenant; told: () => Told[] }> {
  const receiver = await startReceiver();
  const tenant = await makeTenant(node, 'posthorn');
  await tenant.webhook({ url: receiver.url, events: ['posthorn.*'], ordered: true, ...more });
  return { receiver, tenant, told: () => receiver.requests.map(({ text }) => JSON.parse(text) as Told) };
}

/** Emits an event whose two attempts fail. */
async function exhaust(node: InProcessNode, tenant: TestTenant): Promise<string> {
  const { id } = await tenant.emit('order.paid', {});
  await tenant.settled(id, 'retrying', 1);
  node.clock.advance(HOUR_MS);
  await tenant.settled(id, 'failed', 2);
  return id;
}

const places = [
  { name: 'PGlite', open: async () => null },
  { name: 'PostgreSQL', open: () => testPostgresUrl() },
];

describe.each(places)('notices on $name', ({ open }) => {
  test('FOS-05 the product’s operator is notified that a delivery is exhausted, its webhook failed, and enabled again', async () => {
    await using place = await open();
    await using node = await startNode({ products: [STRICT], ...(place && { databaseUrl: place.url }) });
    await using receiver = await startReceiver({ status: 500 });
    const operations = await operator(node);
    await using _ = operations.receiver;
    const tenant = await makeTenant(node, 'strict');
    const { id } = await tenant.webhook({ url: `${receiver.url}/hook?token=secret`, description: 'Orders' });
    const event = await exhaust(node, tenant);
    await operations.receiver.waitFor(2);
    const byType = new Map(operations.told().map((one) => [one.type, one.data]));
    const about = {
      organization: { id: tenant.id },
      product: 'strict',
      webhook: { id, url: `${receiver.url}/hook`, description: 'Orders' },
    };
    expect(byType.get('posthorn.delivery.exhausted')).toMatchObject({
      ...about,
      delivery: { eventId: event, eventType: 'order.paid', attemptCount: 2 },
    });
    expect(byType.get('posthorn.webhook.failed')).toMatchObject({ ...about, reason: expect.stringContaining('after 2 attempts') });
    expect(JSON.stringify(operations.told())).not.toContain('secret');
    const shown = await tenant.call<{ status: string; statusReason: string; statusChangedAt: string }>('GET', `/webhooks/${id}`);
    expect(shown).toMatchObject({ status: 'failed', statusReason: expect.stringContaining('after 2 attempts') });
    await tenant.call('POST', `/webhooks/${id}/enable`);
    await operations.receiver.waitFor(3);
    expect(operations.told()[2]).toMatchObject({
      type: 'posthorn.webhook.recovered',
      data: { webhook: { id, status: 'active' }, reason: null },
    });
  });

  test('FOS-05 the owner gets one mail if a mail server is configured', async () => {
    await using place = await open();
    await using mailbox = await startMailbox();
    const environment = {
      POSTHORN_SMTP_URL: mailbox.url,
      POSTHORN_MAIL_FROM: 'Hooks <hooks@example.com>',
      POSTHORN_PUBLIC_URL: 'https://hooks.example.com',
    };
    await using node = await startNode({ products: [STRICT], environment, ...(place && { databaseUrl: place.url }) });
    await using receiver = await startReceiver({ status: 410 });
    const tenant = await makeTenant(node, 'strict', { contactEmail: 'owner@customer.example' });
    const { id } = await tenant.webhook({ url: `${receiver.url}/hook?token=secret`, description: 'Orders\r\nBcc: everybody@example.com' });
    await tenant.emit('order.paid', {});
    await mailbox.waitFor(1);
    const [mail] = mailbox.mails;
    expect(mail?.to).toEqual(['owner@customer.example']);
    expect(mail?.text).toContain('From: Hooks <hooks@example.com>');
    expect(mail?.text).toContain(`Subject: Webhook to ${new URL(receiver.url).host} has stopped`);
    expect(mail?.text).toContain('410 Gone');
    expect(mail?.text.replaceAll('=\r\n', '')).toContain(`https://hooks.example.com/v1/organizations/${tenant.id}/webhooks/${id}/enable`);
    expect(mail?.text).not.toContain('secret');
    expect(mail?.text).not.toMatch(/^Bcc:/m);
    const silent = await makeTenant(node, 'strict');
    await silent.webhook({ url: receiver.url });
    await silent.emit('order.paid', {});
    await eventually(async () => expect(await silent.call('GET', '/webhooks')).toMatchObject({ data: [{ status: 'failed' }] }));
    expect(mailbox.mails).toHaveLength(1);
  });
});

test('a 410, and days of failures only, disable a webhook; a failed test delivery does not', async () => {
  await using node = await startNode({ products: [PATIENT] });
  await using receiver = await startReceiver({ status: 500 });
  const operations = await operator(node);
  await using _ = operations.receiver;
  const tenant = await makeTenant(node, 'patient');
  const { id } = await tenant.webhook({ url: receiver.url });
  await tenant.call('POST', `/webhooks/${id}/test`, { type: 'order.paid' });
  await exhaust(node, tenant);
  node.clock.advance(2 * DAY_MS);
  await tenant.emit('order.paid', {});
  await operations.receiver.waitFor(2);
  expect(operations.told().map(({ type }) => type)).toEqual(['posthorn.delivery.exhausted', 'posthorn.webhook.disabled']);
  expect(operations.told()[1]?.data.reason).toContain('Every attempt has failed since');
});

test('an operator’s webhook may be limited to one product, and its own failure causes no notice', async () => {
  await using node = await startNode({ products: [STRICT, PATIENT] });
  await using receiver = await startReceiver({ status: 410 });
  const all = await operator(node, { scope: 'product:patient' });
  await using _ = all.receiver;
  const broken = await makeTenant(node, 'posthorn');
  await broken.webhook({ url: receiver.url, retry: { kind: 'none' } });
  for (const product of ['strict', 'patient']) {
    const tenant = await makeTenant(node, product);
    await tenant.webhook({ url: receiver.url });
    await tenant.emit('order.paid', {});
  }
  await all.receiver.waitFor(1);
  await eventually(async () => expect(await broken.call('GET', '/webhooks')).toMatchObject({ data: [{ status: 'failed' }] }));
  expect(all.told().map(({ type, data }) => [type, data['product']])).toEqual([['posthorn.webhook.disabled', 'patient']]);
  const { data } = await broken.call<{ data: object[] }>('GET', '/events');
  expect(data).toHaveLength(2);
});

test('with two nodes, and across a restart, a notice is sent once', async () => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  const options = { products: [STRICT], databaseUrl: place.url, clock };
  await using receiver = await startReceiver({ status: 410 });
  await using one = await startNode(options);
  const two = await startNode(options);
  const operations = await operator(one);
  await using _ = operations.receiver;
  const tenants = await Promise.all(Array.from({ length: 10 }, () => makeTenant(one, 'strict')));
  for (const tenant of tenants) await tenant.webhook({ url: receiver.url });
  await Promise.all(tenants.map((tenant) => tenant.emit('order.paid', {})));
  await operations.receiver.waitFor(5);
  await two[Symbol.asyncDispose]();
  await operations.receiver.waitFor(10);
  await eventually(async () => {
    const { data } = await operations.tenant.call<{ data: { status: string }[] }>('GET', '/deliveries?limit=250');
    expect(data.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'delivered'));
  });
  expect(new Set(operations.told().map(({ data }) => data.webhook.id)).size).toBe(10);
});

test('a mail server that refuses mails loses none, blocks nothing, and its password is not logged', async () => {
  await using mailbox = await startMailbox();
  mailbox.refuse(true);
  let logged = '';
  const log = pino({ level: 'info' }, new Writable({ write: (chunk: Buffer, _encoding, done) => ((logged += chunk.toString()), done()) }));
  await using node = await startNode({ products: [STRICT], environment: { POSTHORN_SMTP_URL: mailbox.url }, log });
  await using receiver = await startReceiver({ status: 410 });
  const tenant = await makeTenant(node, 'strict', { contactEmail: 'owner@customer.example' });
  await tenant.webhook({ url: receiver.url });
  await tenant.emit('order.paid', {});
  await eventually(async () => expect(logged).toContain('Failed to send a mail'));
  expect(logged).not.toContain(MAIL_PASSWORD);
  mailbox.refuse(false);
  node.clock.advance(HOUR_MS);
  await mailbox.waitFor(1);
  expect(mailbox.mails).toHaveLength(1);
});

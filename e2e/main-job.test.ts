import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, test } from 'vitest';
import { testPostgresUrl } from '../packages/server/test-support/database.ts';
import { eventually } from '../packages/server/test-support/eventually.ts';
import { startReceiver, type ReceivedRequest } from './harness/receiver.ts';
import { startServer, type RunningServer } from './harness/server.ts';

const RECEIVED = 'RevOps API Event Received';

interface DealSigned {
  readonly event: { readonly id: string; readonly time: string; readonly type: string };
  readonly deal: { readonly id: string };
}

interface DeliverySummary {
  readonly id: string;
  readonly status: string;
}

async function readDealSigned(): Promise<DealSigned> {
  return JSON.parse(await readFile(new URL('fixtures/revops-deal-signed.json', import.meta.url), 'utf8')) as DealSigned;
}

/** The main job from end to end: a deal event goes in, arrives signed at a webhook, and the delivery can be read. */
async function deliverDealSigned(server: RunningServer): Promise<void> {
  await using receiver = await startReceiver({ body: RECEIVED });
  const { deal } = await readDealSigned();

  await server.call('POST', '/v1/organizations', { id: 'pigeon-labs', name: 'Pigeon Labs', product: 'revops' });
  const webhook = await server.call<{ id: string; secret: string }>('POST', '/v1/organizations/pigeon-labs/webhooks', {
    url: `${receiver.url}/revops?source=posthorn`,
    events: ['deal-*'],
  });
  const accepted = await server.request<{ id: string; deliveries: number }>('POST', '/v1/organizations/pigeon-labs/events', {
    body: { type: 'deal-signed', data: deal },
  });
  expect(accepted.status).toBe(202);
  expect(accepted.body.deliveries).toBe(1);

  const [request] = await receiver.waitFor(1);
  if (request === undefined) throw new Error('Nothing arrived.');
  expect(request).toMatchObject({ method: 'POST', target: '/revops?source=posthorn' });
  expectDealSigned(request, { deal, eventId: accepted.body.id });
  expectSignatures(request, webhook.secret);

  const delivery = await eventually(async () => {
    const { data } = await server.call<{ data: DeliverySummary[] }>(
      'GET',
      `/v1/organizations/pigeon-labs/deliveries?event=${accepted.body.id}`,
    );
    expect(data).toHaveLength(1);
    expect(data[0]).toMatchObject({ status: 'delivered' });
    return data[0];
  });
  const detail = await server.call('GET', `/v1/organizations/pigeon-labs/deliveries/${delivery?.id}`);
  expect(detail).toMatchObject({
    id: delivery?.id,
    status: 'delivered',
    attempts: [{ number: 1, request: { method: 'POST', body: request.text }, response: { status: 200, body: RECEIVED }, failure: null }],
  });
  expect(receiver.requests).toHaveLength(1);
}

function expectDealSigned(request: ReceivedRequest, sent: { deal: unknown; eventId: string }): void {
  const body = JSON.parse(request.text) as DealSigned;
  expect(Object.keys(body)).toEqual(['event', 'deal']);
  expect(body.event).toEqual({ id: sent.eventId, time: expect.stringMatching(/^\d{10}$/), type: 'deal-signed' });
  expect(request.text).toContain(`"deal":${JSON.stringify(sent.deal)}`);
  expect(request.headers).toMatchObject({ 'content-type': 'application/json', accept: 'application/json', 'webhook-id': sent.eventId });
}

function expectSignatures(request: ReceivedRequest, secret: string): void {
  const verifiers = [new StandardWebhook(secret), new SvixWebhook(secret)];
  for (const verifier of verifiers) {
    expect(() => verifier.verify(request.text, request.headers)).not.toThrow();
    expect(() => verifier.verify(`${request.text} `, request.headers)).toThrow('No matching signature found');
  }
  expect(request.headers['x-revops-content-hmac']).toBe(createHmac('sha256', secret).update(request.body).digest('hex'));
}

describe('a RevOps deal event arrives signed, and its delivery is on record', () => {
  test('embedded', async () => {
    await using server = await startServer();
    await deliverDealSigned(server);
    expect(await server.stop()).toBe(0);
  });

  test('on PostgreSQL', async () => {
    await using database = await testPostgresUrl({ empty: true });
    await using server = await startServer({ databaseUrl: database.url });
    await deliverDealSigned(server);
    expect(await server.stop()).toBe(0);
  });
});

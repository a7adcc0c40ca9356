import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { verifyQuery, WebhookVerificationError } from '@posthorn/sdk/verify';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import type { ReceivedRequest } from '../harness/receiver.ts';
import { makeTenant, type PushOutcome, type TestTenant } from '../harness/tenant.ts';
import { onBothDatabases } from './on-both-databases.ts';

const RECEIVED = 'RevOps API Event Received';
const HOUR_MS = 3_600_000;
const EVENTS = ['deal-created', 'deal-updated', 'deal-signed', 'deal-active', 'account-created', 'account-updated', 'account-deleted'];
const KEY = 'revops-verification-key';

interface Body {
  readonly event: { readonly id: string; readonly time: string; readonly type: string };
  readonly deal?: Record<string, unknown>;
  readonly account?: Record<string, unknown>;
}
const { deal } = JSON.parse(readFileSync(new URL('../fixtures/revops-deal-signed.json', import.meta.url), 'utf8')) as { deal: object };
const account = { account_id: 'pigeon-001', status: 'draft', name: 'Pigeon Labs' };

const types = ({ events }: PushOutcome) => events.map(({ type }) => type);
const bodyOf = ({ text }: ReceivedRequest) => JSON.parse(text) as Body;
const parties = (...signed: boolean[]) => ({ parties: signed.map((yes, index) => ({ name: `Party ${index}`, signed: yes })) });

onBothDatabases('RevOps', (stage) => {
  const organization = (): Promise<TestTenant> => makeTenant(stage.node, 'revops');

  test('RVP-01 deals and accounts give seven events, and a webhook chooses among them', async () => {
    const tenant = await organization();
    const { data } = await tenant.call<{ data: { type: string; group: string }[] }>('GET', '/event-types');
    expect(data.map(({ type }) => type)).toEqual(EVENTS);
    const receiver = await stage.receiver({ body: RECEIVED });
    await tenant.webhook({ url: receiver.url, events: ['account-*'] });
    await tenant.push('deal/d1', { ...deal, id: 'd1', status: 'draft' });
    const [event] = (await tenant.push('account/pigeon-001', account)).events;
    await tenant.settled(event?.id ?? '', 'delivered');
    expect(receiver.requests.map((request) => bodyOf(request).event.type)).toEqual(['account-created']);
  });

  test('RVP-02 a deal is created once for ever: saved as a draft, then sent to Deal Desk, is created and updated', async () => {
    const tenant = await organization();
    expect(types(await tenant.push('deal/d1', { id: 'd1', status: 'draft' }))).toEqual(['deal-created']);
    expect(types(await tenant.push('deal/d1', { id: 'd1', status: 'deal-desk' }))).toEqual(['deal-updated']);
    expect(types(await tenant.push('deal/d2', { id: 'd2', status: 'deal-desk' }))).toEqual(['deal-created']);
    expect(types(await tenant.push('deal/d2', { id: 'd2', status: 'draft' }))).toEqual(['deal-updated']);
    await tenant.call('DELETE', '/objects/deal/d2');
    expect(types(await tenant.push('deal/d2', { id: 'd2', status: 'draft' }))).toEqual(['deal-updated']);
  });

  test('RVP-03 any edit and every change of status is an update, what changes nothing is none', async () => {
    const tenant = await organization();
    const draft = { ...deal, id: 'd1', status: 'draft' };
    await tenant.push('deal/d1', draft);
    expect(types(await tenant.push('deal/d1', { ...draft, net_price: '11000.00' }))).toEqual(['deal-updated']);
    expect(types(await tenant.push('deal/d1', { ...draft, net_price: '11000.00' }))).toEqual([]);
    expect(types(await tenant.push('deal/d1', { ...draft, status: 'signed' }))).toEqual(['deal-updated', 'deal-signed']);
    expect(types(await tenant.push('deal/d1', { ...draft, status: 'active' }))).toEqual(['deal-updated', 'deal-active']);
  });

  test('RVP-04 a deal is signed once, when all parties have signed; active each time it becomes so', async () => {
    const tenant = await organization();
    const step = async (status: string, ...signed: boolean[]) =>
      types(await tenant.push('deal/d1', { id: 'd1', status, ...parties(...signed) }));
    await step('draft', false, false);
    expect(await step('in-review', true, false)).toEqual(['deal-updated']);
    expect(await step('signed', true, true)).toEqual(['deal-updated', 'deal-signed']);
    expect(await step('in-review', true, false)).toEqual(['deal-updated']);
    expect(await step('signed', true, true)).toEqual(['deal-updated']);
    expect(await step('active', true, true)).toEqual(['deal-updated', 'deal-active']);
    expect(await step('suspended', true, true)).toEqual(['deal-updated']);
    expect(await step('active', true, true)).toEqual(['deal-updated', 'deal-active']);
  });

  test('RVP-04 concurrent and repeated calls tell of one signature', async () => {
    const tenant = await organization();
    await tenant.push('deal/d1', { id: 'd1', status: 'draft', ...parties(false) });
    const calls = Array.from({ length: 20 }, (_, index) =>
      tenant.push('deal/d1', { id: 'd1', status: 'signed', version: index % 5, ...parties(true) }),
    );
    expect((await Promise.all(calls)).flatMap(types).filter((type) => type === 'deal-signed')).toHaveLength(1);
  });

  test('RVP-05 an account is created, updated, and deleted with its last state and the status deleted', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver({ body: RECEIVED });
    await tenant.webhook({ url: receiver.url, ordered: true });
    expect(types(await tenant.push('account/pigeon-001', account))).toEqual(['account-created']);
    expect(types(await tenant.push('account/pigeon-001', { ...account, status: 'active' }))).toEqual(['account-updated']);
    expect(types(await tenant.call<PushOutcome>('DELETE', '/objects/account/pigeon-001'))).toEqual(['account-deleted']);
    const bodies = (await receiver.waitFor(3)).map(bodyOf);
    expect(bodies.map((body) => [body.event.type, body.account?.['status']])).toEqual([
      ['account-created', 'draft'],
      ['account-updated', 'active'],
      ['account-deleted', 'deleted'],
    ]);
  });

  test('RVP-06 RVP-12 by GET event and deal are in the query, signed as the legacy header and Standard Webhooks say', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver({ body: RECEIVED });
    const { secret } = await tenant.webhook({
      url: `${receiver.url}/hook?source=crm&x=a%20b`,
      method: 'GET',
      secret: `whsec_${'A'.repeat(43)}=`,
    });
    const { id } = await tenant.emit('deal-signed', deal);
    const [request] = await receiver.waitFor(1);
    if (!request) throw new Error('Nothing arrived.');
    const query = request.target.slice('/hook?source=crm&x=a%20b&'.length);
    expect(request).toMatchObject({ method: 'GET', text: '' });
    expect(request.target).toMatch(/^\/hook\?source=crm&x=a%20b&event=/);
    const parameters = new URLSearchParams(query);
    expect([...parameters.keys()]).toEqual(['event', 'deal']);
    expect(JSON.parse(parameters.get('deal') ?? '')).toEqual(deal);
    const event = JSON.parse(parameters.get('event') ?? '') as Body['event'];
    expect(event).toMatchObject({ id, type: 'deal-signed' });
    expect(request.headers['x-revops-content-hmac']).toBe(createHmac('sha256', secret).update(query).digest('hex'));
    expect(() => new Webhook(secret).verify(JSON.stringify({ event, deal }), request.headers)).not.toThrow();
  });

  test('RVP-06 a deal that would make the URL longer than 8,000 characters shrinks to its id', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver({ body: RECEIVED });
    await tenant.webhook({ url: receiver.url, method: 'GET' });
    await tenant.emit('deal-signed', { ...deal, notes: 'ü'.repeat(3_000) });
    const [request] = await receiver.waitFor(1);
    const url = new URL(request?.target ?? '', receiver.url);
    expect(JSON.parse(url.searchParams.get('deal') ?? '')).toEqual({ id: (deal as { id: string }).id });
    expect(url.href.length).toBeLessThanOrEqual(8_000);
  });

  test.each([20, 20_000])('RVP-06 the whole query of a GET with a name of %i characters can be verified as it came', async (length) => {
    const tenant = await organization();
    const receiver = await stage.receiver({ body: RECEIVED });
    const { secret } = await tenant.webhook({
      url: `${receiver.url}/hook?source=é"x"&y=%7e`,
      method: 'GET',
      secret: `whsec_${'A'.repeat(43)}=`,
    });
    await tenant.emit('deal-signed', { ...deal, name: 'n'.repeat(length) });
    const [request] = await receiver.waitFor(1);
    const { headers = {}, target: url = '' } = request ?? {};
    expect(() => verifyQuery({ url, headers }, secret)).not.toThrow();
    expect(() => verifyQuery({ url: new URL(url, receiver.url), headers }, secret)).not.toThrow();
    expect(() => verifyQuery({ url: `${url}&deal=1`, headers }, secret)).toThrow(WebhookVerificationError);
    expect(() => verifyQuery({ url: url.replace('y=', 'z='), headers }, secret)).toThrow(WebhookVerificationError);
  });

  test('RVP-07 the body is event and object, nothing added; the bytes that are signed are the bytes that are sent', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver({ body: RECEIVED });
    await tenant.webhook({ url: receiver.url, secret: KEY });
    const [first] = (await tenant.push('deal/d1', { ...deal, id: 'd1', status: 'draft' })).events;
    const [request] = await receiver.waitFor(1);
    if (!request) throw new Error('Nothing arrived.');
    const body = bodyOf(request);
    expect(body).toEqual({
      event: { id: first?.id, time: expect.stringMatching(/^\d{10}$/), type: 'deal-created' },
      deal: { ...deal, id: 'd1', status: 'draft' },
    });
    expect(Object.keys(body)).toEqual(['event', 'deal']);
    expect(Object.keys(body.deal ?? {})).toEqual(Object.keys(deal));
    expect(request.headers).toMatchObject({ 'content-type': 'application/json', accept: 'application/json', 'webhook-id': first?.id });
    expect(request.headers['x-revops-content-hmac']).toBe(createHmac('sha256', KEY).update(request.body).digest('hex'));
  });

  test.each([
    [{ status: 200, body: `Thanks. ${RECEIVED}.` }, 'delivered'],
    [{ status: 200, body: 'ok' }, 'retrying'],
    [{ status: 201, body: RECEIVED }, 'retrying'],
    [{ status: 204 }, 'retrying'],
    [{ status: 302, headers: { location: '/elsewhere' }, body: RECEIVED }, 'retrying'],
  ])('RVP-08 the answer %j leaves the delivery %s', async (answer, status) => {
    const tenant = await organization();
    const receiver = await stage.receiver(answer);
    await tenant.webhook({ url: receiver.url });
    const { id } = await tenant.emit('deal-updated', deal);
    await tenant.settled(id, status, 1);
    expect(receiver.requests).toHaveLength(1);
  });

  test('RVP-08 a webhook may do without the phrase', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver({});
    await tenant.webhook({ url: receiver.url, success: { status: [200], bodyContains: null } });
    const { id } = await tenant.emit('deal-updated', deal);
    expect((await tenant.settled(id, 'delivered', 1)).attempts).toHaveLength(1);
  });

  test('RVP-10 the policy allows thirty seconds for the whole exchange', async () => {
    const tenant = await organization();
    const { id } = await tenant.webhook({ url: 'https://example.com/hook' });
    expect(await tenant.call('GET', `/webhooks/${id}`)).toMatchObject({ timeoutMs: 30_000 });
  });

  test('RVP-11 http is refused when saving', async () => {
    const tenant = await organization();
    const refused = await tenant.request('POST', '/webhooks', { url: 'http://example.com/hook', events: ['*'] });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: '/url' }] } });
  });

  test('RVP-13 the document’s own curl emits, with the event as a name or as an object', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver({ body: RECEIVED });
    await tenant.webhook({ url: receiver.url });
    await tenant.call('POST', '/events', { deal, event: 'deal-created' });
    await tenant.call('POST', '/events', { account, event: { type: 'account-updated', id: 'my-own-id' } });
    const bodies = (await receiver.waitFor(2)).map(bodyOf);
    expect(bodies.find((body) => body.deal)).toMatchObject({ event: { type: 'deal-created' }, deal });
    expect(bodies.find((body) => body.account)).toMatchObject({ event: { type: 'account-updated', id: 'my-own-id' }, account });
    expect(await tenant.request('POST', '/events', { deal: { id: 1 }, event: 'deal-created' })).toMatchObject({
      status: 422,
      body: { code: 'invalid_data', errors: [{ path: '/data/id' }, { path: '/data/status' }] },
    });
    expect(await tenant.request('POST', '/events', { deal, event: 'deal-lost' })).toMatchObject({ body: { code: 'unknown_event_type' } });
    expect(await tenant.request('POST', '/events', { deal })).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
  });

  test.each(EVENTS)('RVP-13 a test of %s goes out at once, signed, and is marked as a test', async (type) => {
    const tenant = await organization();
    const receiver = await stage.receiver({ body: RECEIVED });
    const { id, secret } = await tenant.webhook({ url: receiver.url, events: ['deal-active'] });
    await tenant.call('POST', `/webhooks/${id}/test`, { type });
    const [request] = await receiver.waitFor(1);
    if (!request) throw new Error('Nothing arrived.');
    expect(bodyOf(request).event.type).toBe(type);
    expect(() => new Webhook(secret).verify(request.text, request.headers)).not.toThrow();
    const { data } = await tenant.call<{ data: object[] }>('GET', `/deliveries?webhook=${id}`);
    expect(data).toMatchObject([{ test: true, eventType: type }]);
  });

  // Last: it sets the clock forward, and signatures of the other tests would come from the future.
  test('RVP-09 after five retries, an hour apart, the delivery has failed; nobody listening counts like a wrong answer', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver();
    await tenant.webhook({ url: receiver.url });
    await receiver.close();
    const { id } = await tenant.emit('deal-updated', deal);
    for (let attempt = 1; attempt <= 5; attempt++) {
      const { attempts } = await tenant.settled(id, 'retrying', attempt);
      const last = attempts.at(-1);
      expect(last?.failure?.code).toBe('connect_refused');
      expect(Date.parse(last?.nextAttemptAt ?? '') - Date.parse(last?.at ?? '')).toBeGreaterThanOrEqual(HOUR_MS);
      expect(Date.parse(last?.nextAttemptAt ?? '') - Date.parse(last?.at ?? '')).toBeLessThan(HOUR_MS + 60_000);
      stage.node.clock.advance(HOUR_MS);
    }
    expect((await tenant.settled(id, 'failed', 6)).attempts.at(-1)?.nextAttemptAt).toBeNull();
  });
});

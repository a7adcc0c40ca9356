import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { verify, WebhookVerificationError } from '@posthorn/sdk/verify';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';
import { onBothDatabases } from './on-both-databases.ts';

interface Execution {
  readonly type: string;
  readonly event: string;
  readonly sender: object;
  readonly [part: string]: unknown;
}
const finished = JSON.parse(readFileSync(new URL('../fixtures/virtuoso-execution-finished.json', import.meta.url), 'utf8')) as Execution;
const { type: _type, event: _event, sender, ...data } = finished;

interface Vector {
  readonly fixture: string;
  readonly header: string;
  readonly key: string;
  readonly value: string;
}
const vectors = JSON.parse(readFileSync(new URL('../fixtures/signatures.json', import.meta.url), 'utf8')) as Vector[];
const SECRET = 'virtuoso-secret';
const PROJECT = 'project:4889';
const hmac = (bytes: string | Buffer) => `sha1=${createHmac('sha1', SECRET).update(bytes).digest('hex')}`;

onBothDatabases('Virtuoso', (stage) => {
  const organization = (): Promise<TestTenant> => makeTenant(stage.node, 'virtuoso', { name: 'Example Ltd' });

  /** A webhook whose ping on creation has arrived and is forgotten. */
  async function webhookOf(tenant: TestTenant, input: object = {}) {
    const receiver = await stage.receiver();
    const webhook = await tenant.webhook({ url: receiver.url, scope: PROJECT, ...input });
    await receiver.waitFor(1);
    return { receiver, webhook, next: async (count = 1) => (await receiver.waitFor(1 + count)).slice(1) };
  }

  test('VIR-01 a webhook belongs to a project, and several may: each gets that project’s events alone', async () => {
    const tenant = await organization();
    const [one, two] = [await webhookOf(tenant), await webhookOf(tenant)];
    const other = await webhookOf(tenant, { scope: 'project:1' });
    await tenant.emit('EXECUTION.FINISHED', data);
    await one.next();
    await two.next();
    await tenant.emit('EXECUTION.LAUNCHED', { execution: { id: 2 }, project: { id: 1 } });
    const [last] = await other.next();
    expect(JSON.parse(last?.text ?? '')).toMatchObject({ event: 'LAUNCHED', project: { id: 1 } });
    expect([one, two, other].map(({ receiver }) => receiver.requests.length)).toEqual([2, 2, 2]);
  });

  test('VIR-02 secret and description may be left out; everything is a wildcard that takes future types, or events are chosen', async () => {
    const tenant = await organization();
    const { webhook } = await webhookOf(tenant);
    expect(await tenant.call('GET', `/webhooks/${webhook.id}`)).toMatchObject({ events: ['*'], description: null, hasSecret: false });
    const { next } = await webhookOf(tenant, { events: ['EXECUTION.FINISHED'], description: 'Done' });
    await tenant.emit('EXECUTION.STARTED', data);
    await tenant.emit('EXECUTION.FINISHED', data);
    expect((await next()).map(({ text }) => (JSON.parse(text) as Execution).event)).toEqual(['FINISHED']);
  });

  test('VIR-03 VIR-04 as JSON, the body and its signature are those of the document', async () => {
    const tenant = await organization();
    const { next } = await webhookOf(tenant, { secret: SECRET });
    await tenant.emit('EXECUTION.FINISHED', data, { sender });
    const [request] = await next();
    expect(request?.text).toBe(JSON.stringify(finished));
    expect(request?.headers['content-type']).toBe('application/json');
    const vector = vectors.find(({ fixture }) => fixture === 'virtuoso-execution-finished.json');
    expect(request?.headers['x-virtuoso-signature']).toBe(vector?.value);
  });

  test('VIR-03 VIR-04 as a form, the JSON stands in payload, and the raw body is signed', async () => {
    const tenant = await organization();
    const { next } = await webhookOf(tenant, { secret: SECRET, contentType: 'application/x-www-form-urlencoded' });
    await tenant.emit('EXECUTION.FINISHED', data, { sender });
    const [request] = await next();
    expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect([...new URLSearchParams(request?.text)]).toEqual([['payload', JSON.stringify(finished)]]);
    expect(request?.text).toContain('Ada+Tester');
    expect(request?.headers['x-virtuoso-signature']).toBe(hmac(request?.body ?? ''));
    const headers = request?.headers ?? {};
    expect(() => verify({ body: request?.body ?? '', headers }, SECRET)).not.toThrow();
    expect(() => verify({ body: JSON.stringify(finished), headers }, SECRET)).not.toThrow();
    expect(() => verify({ body: `${request?.text}&a=1`, headers }, SECRET)).toThrow(WebhookVerificationError);
  });

  test('VIR-04 without a secret there is no signature header', async () => {
    const tenant = await organization();
    const { next } = await webhookOf(tenant);
    await tenant.emit('EXECUTION.FINISHED', data);
    const [request] = await next();
    expect(Object.keys(request?.headers ?? {})).toEqual(expect.arrayContaining(['webhook-id', 'webhook-timestamp']));
    expect(Object.keys(request?.headers ?? {}).filter((name) => name.includes('signature'))).toEqual([]);
  });

  test('VIR-05 VIR-06 a ping goes out by itself after creation, whatever was chosen, not after an edit, and on demand', async () => {
    const tenant = await organization();
    await tenant.push('project/4889', { name: 'Web shop' });
    const secret = `whsec_${'B'.repeat(43)}=`;
    const settings = { events: ['EXECUTION.FINISHED'], description: 'Virtuoso webhook notification', secret };
    const { receiver, webhook, next } = await webhookOf(tenant, settings);
    await tenant.call('PATCH', `/webhooks/${webhook.id}`, { description: 'Edited' });
    await tenant.call('POST', `/webhooks/${webhook.id}/ping`, { sender });
    await next();
    const [first, second] = receiver.requests.map(({ text }) => JSON.parse(text) as Record<string, unknown>);
    const shown = {
      id: webhook.id,
      url: receiver.url,
      contentType: 'application/json',
      description: 'Edited',
      events: ['EXECUTION.FINISHED'],
    };
    expect(second).toEqual({
      type: 'PING',
      sender,
      organization: { id: tenant.id, name: 'Example Ltd' },
      project: { id: 4889, name: 'Web shop' },
      webhookId: webhook.id,
      webhook: { ...shown, url: expect.stringContaining(receiver.url), active: true, hasSecret: true },
    });
    expect(Object.keys(second ?? {})).toEqual(['type', 'sender', 'organization', 'project', 'webhookId', 'webhook']);
    expect(first).toMatchObject({ type: 'PING', sender: null, webhook: { description: 'Virtuoso webhook notification' } });
    expect(receiver.requests).toHaveLength(2);
    for (const request of receiver.requests) {
      expect(request.text).not.toContain(secret);
      expect(() => new Webhook(secret).verify(request.text, request.headers)).not.toThrow();
    }
  });

  test('VIR-06 a type and an event on the wire; EXECUTION.* takes all four; who triggered nothing is null', async () => {
    const tenant = await organization();
    const { next } = await webhookOf(tenant, { events: ['EXECUTION.*'] });
    const names = ['LAUNCHED', 'STARTED', 'UPDATED', 'FINISHED'];
    for (const name of names) await tenant.emit(`EXECUTION.${name}`, data);
    const bodies = (await next(4)).map(({ text }) => JSON.parse(text) as Execution);
    expect(bodies.map((body) => [body.type, body.event])).toEqual(names.map((name) => ['EXECUTION', name]));
    for (const body of bodies) {
      expect(Object.keys(body)).toEqual(['type', 'event', 'execution', 'goal', 'sender', 'project', 'snapshot', 'organization']);
      expect(body.sender).toBeNull();
    }
    expect(await tenant.request('POST', '/events', { type: 'EXECUTION.PAUSED', data })).toMatchObject({
      body: { code: 'unknown_event_type' },
    });
  });

  test('VIR-07 the events of one execution arrive in order, while others go on', async () => {
    const tenant = await organization();
    const { receiver, next } = await webhookOf(tenant);
    const order = new Map<string, string[]>();
    receiver.react(({ text }) => {
      const { execution, event } = JSON.parse(text) as { execution: { id: string }; event: string };
      order.set(execution.id, [...(order.get(execution.id) ?? []), event]);
      return { delayMs: event === 'LAUNCHED' ? 60 : 0 };
    });
    const names = ['LAUNCHED', 'STARTED', 'UPDATED', 'FINISHED'];
    for (const name of names)
      for (const id of ['a', 'b', 'c']) await tenant.emit(`EXECUTION.${name}`, { execution: { id }, project: { id: 4889 } });
    await next(12);
    expect([...order.values()]).toEqual([names, names, names]);
  });

  test('VIR-08 every delivery, good and bad, is kept with its request and its response', async () => {
    const tenant = await organization();
    const { receiver, webhook } = await webhookOf(tenant);
    receiver.react({ status: 418, headers: { 'x-tea': 'green', 'set-cookie': 'a=1' }, body: 'I am a teapot' });
    const bad = await tenant.emit('EXECUTION.FINISHED', data);
    const { id, attempts } = await tenant.settled(bad.id, 'failed', 1);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(attempts).toMatchObject([
      {
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        durationMs: expect.any(Number),
        request: { url: expect.stringContaining(receiver.url), method: 'POST', body: JSON.stringify({ ...finished, sender: null }) },
        response: { status: 418, body: 'I am a teapot', truncated: false },
        failure: { code: 'status' },
      },
    ]);
    const [attempt] = attempts as unknown as { request: { headers: [string, string][] }; response: { headers: [string, string][] } }[];
    expect(attempt?.request.headers).toEqual(expect.arrayContaining([['content-type', 'application/json']]));
    expect(attempt?.response.headers).toEqual(
      expect.arrayContaining([
        ['x-tea', 'green'],
        ['set-cookie', 'a=1'],
      ]),
    );
    await receiver.close();
    const unanswered = await tenant.emit('EXECUTION.FINISHED', data);
    expect((await tenant.settled(unanswered.id, 'failed', 1)).attempts).toMatchObject([
      { response: null, failure: { code: 'connect_refused' } },
    ]);
    const list = await tenant.call<{ data: { status: string }[] }>('GET', `/deliveries?webhook=${webhook.id}`);
    expect(list.data.map(({ status }) => status)).toEqual(['failed', 'failed', 'delivered']);
  });

  test('VIR-09 an edit with a blank secret keeps the old one', async () => {
    const tenant = await organization();
    const { webhook, next } = await webhookOf(tenant, { secret: SECRET });
    await tenant.call('PATCH', `/webhooks/${webhook.id}`, { secret: '', description: 'New', contentType: 'application/json' });
    await tenant.emit('EXECUTION.FINISHED', data);
    const [request] = await next();
    expect(request?.headers['x-virtuoso-signature']).toBe(hmac(request?.body ?? ''));
  });

  test('VIR-10 any 2xx is success, nothing is retried by itself, and by hand the event keeps its id', async () => {
    const tenant = await organization();
    const { receiver, next } = await webhookOf(tenant);
    receiver.react((_request, index) => ({ status: index === 1 ? 500 : 202 }));
    const { id } = await tenant.emit('EXECUTION.FINISHED', data);
    const failed = await tenant.settled(id, 'failed', 1);
    await tenant.call('POST', `/deliveries/${failed.id}/redeliver`);
    const again = await tenant.settled(id, 'delivered', 2);
    expect(again.attempts.map(({ number, response }) => [number, response?.status])).toEqual([
      [1, 500],
      [2, 202],
    ]);
    const sent = await next(2);
    expect(sent.map(({ headers }) => headers['webhook-id'])).toEqual([id, id]);
    expect(sent[0]?.text).toBe(sent[1]?.text);
  });
});

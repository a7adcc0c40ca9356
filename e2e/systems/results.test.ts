import { connect } from 'node:net';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';
import { onBothDatabases } from './on-both-databases.ts';

const POST = JSON.parse(readFileSync(new URL('../fixtures/results-goal-post.json', import.meta.url), 'utf8')) as Record<string, unknown>;

interface Hook {
  readonly id: string;
  readonly url: string;
  readonly name: string;
}
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly code?: string; readonly detail?: string; readonly errors?: { readonly path: string; readonly rule: string }[] };
}
interface GoalUpdated {
  readonly type: string;
  readonly data: { readonly point: object; readonly colour: object };
}

async function post(url: string, body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

/** What a source without any library sends: bytes on a socket. Answers the status. */
async function raw(url: string, method: string, body: string): Promise<number> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  socket.write(`${method} ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await once(socket, 'close');
  return Number(answer.split(' ', 2)[1]);
}

onBothDatabases('RESULTS.com', (stage) => {
  const organization = (): Promise<TestTenant> => makeTenant(stage.node, 'results', { inbound: true, timeZone: 'Pacific/Auckland' });

  async function goalOf(tenant: TestTenant, settings: object = {}) {
    const goal = await tenant.call<{ id: string }>('POST', '/goals', { name: 'Revenue', direction: 'maximize', ...settings });
    const hook = await tenant.call<Hook>('POST', '/inbound-hooks', { target: { kind: 'goal', id: goal.id } });
    return { id: goal.id, hook, url: hook.url };
  }
  const pointsOf = async (tenant: TestTenant, goal: string) =>
    (await tenant.call<{ data: { date: string; value: string; colour: string | null }[] }>('GET', `/goals/${goal}/points`)).data;

  test('RES-01 inbound hooks are off until they are turned on for the organization', async () => {
    const tenant = await makeTenant(stage.node, 'results');
    const goal = await tenant.call<{ id: string }>('POST', '/goals', { name: 'Revenue', direction: 'maximize' });
    const hook = { target: { kind: 'goal', id: goal.id } };
    expect(await tenant.request('POST', '/inbound-hooks', hook)).toMatchObject({ status: 403, body: { code: 'inbound_disabled' } });
    expect(await tenant.request('GET', '/inbound-hooks')).toMatchObject({ status: 403 });
    await stage.node.call('PATCH', tenant.path, { inbound: true });
    const { url } = await tenant.call<Hook>('POST', '/inbound-hooks', hook);
    expect((await post(url, POST)).status).toBe(201);
    await stage.node.call('PATCH', tenant.path, { inbound: false });
    expect((await post(url, POST)).status).toBe(403);
  });

  test('RES-02 a hook has its goal’s name unless it says its own; the URL holds the key, which is rotated with an overlap', async () => {
    const tenant = await organization();
    const { id, hook, url } = await goalOf(tenant);
    expect(hook.name).toBe('Revenue');
    const second = await tenant.call<Hook>('POST', '/inbound-hooks', {
      target: { kind: 'goal', id },
      name: 'CRM',
      description: 'From the CRM',
    });
    expect(second).toMatchObject({ name: 'CRM', description: 'From the CRM' });
    expect(await tenant.request('POST', '/inbound-hooks', { name: 'CRM' })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/target' }] },
    });
    const rotated = await tenant.call<Hook>('POST', `/inbound-hooks/${hook.id}/rotate-key`, { overlapSeconds: 3_600 });
    expect(rotated.url).not.toBe(url);
    for (const [index, one] of [url, rotated.url, second.url].entries()) {
      expect((await post(one, { date: `2017-03-0${index + 1}`, value: 1 })).status).toBe(201);
    }
    await tenant.call('POST', `/inbound-hooks/${hook.id}/rotate-key`, { overlapSeconds: 0 });
    expect((await post(url, POST)).status).toBe(401);
    expect((await post(second.url, POST)).status).toBe(201);
  });

  test('RES-03 decimals are kept exactly, as numbers or text, in JSON or a form; unknown properties are ignored', async () => {
    const tenant = await organization();
    const { id, url } = await goalOf(tenant);
    const values = ['0.01', '500000', '-10', '0', '12345678901234567890.123456789', '0.1000'];
    for (const [index, value] of values.entries()) {
      const date = `2017-03-1${index}`;
      expect((await post(url, `{"date":"${date}","value":${value},"note":{"a":[1]}}`)).status).toBe(201);
    }
    const form = await post(url, 'date=2017-03-20&value=-0.50&goodThreshold=', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(form.status).toBe(201);
    expect((await post(url, { date: '2017-03-21', value: '99.90' })).status).toBe(201);
    const points = await pointsOf(tenant, id);
    expect(points.map(({ value }) => value).toReversed()).toEqual([...values.slice(0, 5), '0.1', '-0.5', '99.9']);
  });

  test('RES-03 an array is taken whole or not at all', async () => {
    const tenant = await organization();
    const { id, url } = await goalOf(tenant);
    const refused = await post(url, [{ date: '2017-01-01', value: 1 }, { date: '2017-02-30', value: 2 }, { value: 'x' }]);
    expect(refused).toMatchObject({ status: 400, body: { code: 'inbound_data' } });
    expect(refused.body.errors?.map(({ path }) => path)).toEqual(['/1/date', '/2/value', '/2/date']);
    expect(await pointsOf(tenant, id)).toEqual([]);
    expect(
      (
        await post(url, [
          { date: '2017-01-01', value: 1 },
          { date: '2017-01-02', value: 2 },
        ])
      ).status,
    ).toBe(201);
    expect(await pointsOf(tenant, id)).toHaveLength(2);
  });

  test('RES-04 a date-time is the day that it is where the goal is; a day that does not exist is refused', async () => {
    const tenant = await organization();
    const { id, url } = await goalOf(tenant);
    await post(url, { date: '2017-03-16T23:30:00Z', value: 1 });
    const berlin = await goalOf(tenant, { timeZone: 'Europe/Berlin' });
    await post(berlin.url, { date: '2017-03-16T22:30:00Z', value: 1 });
    await post(berlin.url, { date: '2017-03-16T23:30:00Z', value: 2 });
    expect((await pointsOf(tenant, id)).map(({ date }) => date)).toEqual(['2017-03-17']);
    expect((await pointsOf(tenant, berlin.id)).map(({ date }) => date)).toEqual(['2017-03-17', '2017-03-16']);
    for (const date of ['2017-02-30', '16.03.2017', '2017-13-01', '', 20170316]) {
      expect(await post(url, { date, value: 1 })).toMatchObject({ status: 400, body: { errors: [{ path: '/date' }] } });
    }
  });

  test.each([
    ['maximize', { goodThreshold: 10, badThreshold: 5 }, 201],
    ['maximize', { goodThreshold: 5, badThreshold: 5 }, 201],
    ['maximize', { goodThreshold: 4, badThreshold: 5 }, 400],
    ['minimize', { goodThreshold: 5, badThreshold: 10 }, 201],
    ['minimize', { goodThreshold: 10, badThreshold: 10 }, 201],
    ['minimize', { goodThreshold: 11, badThreshold: 10 }, 400],
  ])('RES-05 a goal to %s takes %j with %i', async (direction, thresholds, status) => {
    const tenant = await organization();
    const { url } = await goalOf(tenant, { direction });
    expect((await post(url, { ...POST, ...thresholds })).status).toBe(status);
    const stored = await goalOf(tenant, { direction, badThreshold: thresholds.badThreshold });
    expect((await post(stored.url, { date: '2017-01-01', value: 1, goodThreshold: thresholds.goodThreshold })).status).toBe(status);
  });

  test('RES-06 201 for a new date, 200 where its point is replaced or repeated; its history is kept', async () => {
    const tenant = await organization();
    const { id, url } = await goalOf(tenant);
    expect((await post(url, POST)).status).toBe(201);
    expect((await post(url, POST)).status).toBe(200);
    expect((await post(url, { ...POST, value: 7 })).status).toBe(200);
    expect(await pointsOf(tenant, id)).toMatchObject([{ date: '2017-03-16', value: '7' }]);
    const { data } = await tenant.call<{ data: { kind: string; before: { value?: string }; after: { value?: string } }[] }>(
      'GET',
      `/goals/${id}/changes`,
    );
    expect(data.filter(({ kind }) => kind === 'point').map(({ before, after }) => [before.value, after.value])).toEqual([
      ['500000', '7'],
      [null, '500000'],
    ]);
  });

  test('RES-07 a 400 names every failing field and rule at once', async () => {
    const tenant = await organization();
    const { url } = await goalOf(tenant);
    const answer = await post(url, { date: '2017-02-30', value: 'many', goodThreshold: 1, badThreshold: 2 });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.map(({ path, rule }) => [path, rule])).toEqual(
      expect.arrayContaining([
        ['/date', expect.stringMatching(/./)],
        ['/value', expect.stringMatching(/./)],
        ['/goodThreshold', expect.stringMatching(/./)],
      ]),
    );
  });

  test('RES-08 RES-09 each code over a raw socket, and of several the first', async () => {
    const tenant = await organization();
    const { id, url } = await goalOf(tenant);
    const body = JSON.stringify(POST);
    const wrongKey = url.replace(/[^/]+$/, 'in_wrong');
    const nowhere = url.replace(/[0-9a-f-]{36}/, '00000000-0000-4000-8000-000000000000');
    expect(await raw(url, 'POST', body)).toBe(201);
    expect(await raw(url, 'POST', body)).toBe(200);
    expect(await raw(url, 'POST', '{"value":')).toBe(400);
    expect(await raw(wrongKey, 'POST', body)).toBe(401);
    expect(await raw(nowhere, 'POST', body)).toBe(404);
    expect(await raw(url, 'DELETE', body)).toBe(405);
    await tenant.call('DELETE', `/goals/${id}`);
    expect(await raw(url, 'POST', body)).toBe(410);
    expect(await raw(wrongKey, 'POST', body)).toBe(401);
    await stage.node.call('PUT', `${tenant.path}/inbound-maintenance`, { enabled: true, retryAfterSeconds: 7 });
    expect(await raw(wrongKey, 'GET', '')).toBe(503);
    expect((await post(url, POST)).headers.get('retry-after')).toBe('7');
  });

  test('RES-08 429 with Retry-After where a goal gets more than it can have to say', async () => {
    const tenant = await organization();
    const { url } = await goalOf(tenant);
    stage.node.clock.stop();
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(url, POST))).finally(() => stage.node.clock.resume());
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(20);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  });

  test.each([
    ['maximize', '450000', '300000', { 500000: 'green', 450000: 'green', 449999.99: 'amber', 300000: 'red', 1: 'red' }],
    ['minimize', '10', '20', { 9: 'green', 10: 'green', 10.5: 'amber', 20: 'red', 21: 'red' }],
  ])(
    'RES-10 of a goal to %s a point at or past good %s is green, at or past bad %s red, between amber',
    async (direction, goodThreshold, badThreshold, colours) => {
      const tenant = await organization();
      const { id, url } = await goalOf(tenant, { direction, goodThreshold, badThreshold });
      for (const [index, value] of Object.keys(colours).entries()) await post(url, `{"date":"2017-03-0${index + 1}","value":${value}}`);
      const points = await pointsOf(tenant, id);
      expect(Object.fromEntries(points.map(({ value, colour }) => [value, colour]))).toEqual(colours);
    },
  );

  test('a goal’s update tells the organization’s webhooks, with its colour before and after', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver();
    const { secret } = await tenant.webhook({ url: receiver.url, events: ['goal.updated'], ordered: true });
    const { url } = await goalOf(tenant, { goodThreshold: 450000, badThreshold: 300000 });
    await post(url, { date: '2017-03-15', value: 1 });
    await post(url, { date: '2017-03-16', value: 500000 });
    await post(url, { date: '2017-03-16', value: 500000 });
    const requests = await receiver.waitFor(2);
    const [first, second] = requests.map(({ text }) => JSON.parse(text) as GoalUpdated);
    expect(first).toMatchObject({ type: 'goal.updated', data: { colour: { before: null, after: 'red' } } });
    expect(second).toMatchObject({
      data: {
        point: { date: '2017-03-16', value: '500000', previousValue: null, colour: 'green' },
        colour: { before: 'red', after: 'green' },
      },
    });
    for (const request of requests) expect(() => new Webhook(secret).verify(request.text, request.headers)).not.toThrow();
    expect(receiver.requests).toHaveLength(2);
  });

  test('what a hook received is kept, taken and refused, and why, without the key', async () => {
    const tenant = await organization();
    const { hook, url } = await goalOf(tenant);
    await post(url, POST);
    await post(url, { value: 1, password: 'hunter2' });
    await expect
      .poll(async () => (await tenant.call<{ data: object[] }>('GET', `/inbound-hooks/${hook.id}/requests`)).data)
      .toMatchObject([
        { accepted: false, status: 400, code: 'inbound_data', errors: [{ path: '/date' }] },
        { accepted: true, status: 201, payload: expect.stringContaining('500000') },
      ]);
    const text = JSON.stringify(await tenant.call('GET', `/inbound-hooks/${hook.id}/requests`));
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain(url.split('/').at(-1));
  });

  test('RES-11 RVS-11 a model is a target too: one object or many, each with its id and its scores', async () => {
    const tenant = await makeTenant(stage.node, 'revos', { inbound: true });
    const missing = await tenant.request('POST', '/inbound-hooks', { target: { kind: 'model', id: 'health' } });
    expect(missing).toMatchObject({ status: 422, body: { errors: [{ path: '/target/id' }] } });
    await tenant.push('model/health', { name: 'Customer Health' });
    const { url } = await tenant.call<Hook>('POST', '/inbound-hooks', { target: { kind: 'model', id: 'health' } });
    const scores = (points: number) => ({ features: [], groups: [], total: { points, score: 'low', totalPoints: 100 } });
    expect((await post(url, { id: '123', name: 'Acme BV', plan: 'Enterprise', ...scores(72.5) })).status).toBe(201);
    expect(
      (
        await post(url, [
          { id: '123', name: 'Acme BV', plan: 'Enterprise', ...scores(57.5) },
          { id: '456', name: 'Globex', ...scores(1) },
        ])
      ).status,
    ).toBe(201);
    expect(await tenant.call('GET', '/objects/score/123?scope=model:health')).toMatchObject({
      state: { object: { id: '123', name: 'Acme BV', plan: 'Enterprise' }, total: { points: 57.5 } },
    });
    const wrong = await post(url, [{ id: '1', name: 'A', ...scores(1) }, { name: 'B' }, { id: '2', name: 'C', features: [], groups: [] }]);
    expect(wrong.status).toBe(400);
    expect(wrong.body.errors?.map(({ path }) => path)).toEqual(['/1/id', '/2/total']);
    const { events } = await tenant.call<{ events: { data: { changes: object[] } }[] }>('POST', '/digests/daily/run', {});
    expect(events[0]?.data.changes).toMatchObject([
      { object: { id: '123' }, total: { original: { points: 72.5 }, changed: { points: 57.5 } } },
    ]);
  });

  test('RES-11 all objects of a kind are a target: their changes are told', async () => {
    const tenant = await makeTenant(stage.node, 'revops', { inbound: true });
    const { url } = await tenant.call<Hook>('POST', '/inbound-hooks', { target: { kind: 'objects', id: 'account' } });
    expect((await post(url, { id: 'a1', account_id: 'a1', status: 'draft' })).status).toBe(201);
    expect((await post(url, { id: 'a1', account_id: 'a1', status: 'active' })).status).toBe(200);
    const { data } = await tenant.call<{ data: { type: string }[] }>('GET', '/events?subject=account:a1');
    expect(data.map(({ type }) => type)).toEqual(['account-updated', 'account-created']);
  });
});

import { expect, test } from 'vitest';
import { describeOnBothDatabases, type TestDatabase } from '../../../test-support/database.ts';
import { eventually } from '../../../test-support/eventually.ts';
import { startInboundEdge, type InboundEdge, type InboundEdgeOptions } from '../../../test-support/inbound-edge.ts';
import { statement } from '../../store/database.ts';

const POINT = '{"date":"2017-03-16","value":500000}';
const MAINTENANCE = '/v1/inbound-maintenance';

/** Returns the bytes of a request that closes its connection. */
function bytes(line: string, { body = '', headers = [] as string[] } = {}): string {
  const length = body === '' && line.startsWith('GET') ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`${line} HTTP/1.1`, 'Host: hooks.example', 'Connection: close', ...length, ...headers, '', body].join('\r\n');
}

interface Raw {
  readonly status: number;
  readonly head: string;
  readonly body: { code?: string; errors?: { path: string; rule: string }[] } & Record<string, unknown>;
}

async function send(edge: InboundEdge, text: string): Promise<Raw> {
  const answer = await edge.raw(text);
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2);
  return { status: Number(head.split(' ', 2)[1]), head, body: JSON.parse(body) as Raw['body'] };
}

const wrongKey = (path: string): string => path.replace(/[^/]+$/, 'in_wrong');
const missing = (path: string): string => path.replace(/[0-9a-f-]{36}/, '00000000-0000-4000-8000-000000000000');

describeOnBothDatabases('inbound URLs', (open: () => Promise<TestDatabase>) => {
  const start = async (options: Partial<InboundEdgeOptions> = {}): Promise<InboundEdge> =>
    startInboundEdge({ database: await open(), ...options });

  test('RES-06 RES-08: 201 for a new point, 200 for one that is replaced or repeated', async () => {
    await using edge = await start();
    const { path } = await edge.goal();
    expect(await send(edge, bytes(`POST ${path}`, { body: POINT }))).toMatchObject({
      status: 201,
      body: { point: { date: '2017-03-16', value: '500000', result: 'created' } },
    });
    expect(await send(edge, bytes(`POST ${path}`, { body: POINT }))).toMatchObject({
      status: 200,
      body: { point: { result: 'unchanged' } },
    });
    const replaced = bytes(`POST ${path}`, { body: '{"date":"2017-03-16","value":-10}' });
    expect(await send(edge, replaced)).toMatchObject({ status: 200, body: { point: { value: '-10', result: 'replaced' } } });
  });

  test('RES-08: 400, 401, 404 and 405, each over a raw socket', async () => {
    await using edge = await start();
    const { path } = await edge.goal();
    expect(await send(edge, bytes(`POST ${path}`, { body: '{}' }))).toMatchObject({ status: 400, body: { code: 'inbound_data' } });
    expect(await send(edge, bytes(`POST ${wrongKey(path)}`, { body: POINT }))).toMatchObject({
      status: 401,
      body: { code: 'inbound_key_wrong' },
    });
    expect(await send(edge, bytes(`POST ${missing(path)}`, { body: POINT }))).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await send(edge, bytes(`POST ${path.replace('/goal/', '/model/')}`, { body: POINT }))).status).toBe(404);
    expect((await send(edge, bytes('POST /in/goal/x/y', { body: POINT }))).status).toBe(404);
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const answer = await send(edge, bytes(`${method} ${path}`, { body: method === 'GET' ? '' : POINT }));
      expect([method, answer.status, /^allow: (.*)$/im.exec(answer.head)?.[1]]).toEqual([method, 405, 'POST']);
    }
  });

  test('RES-08: 403 has the same body for every reason', async () => {
    await using edge = await start({ receive: { transport: 'direct', trustedProxies: ['127.0.0.1'] } });
    const { path, hook } = await edge.goal();
    const insecure = await edge.raw(bytes(`POST ${path}`, { body: POINT, headers: ['X-Forwarded-Proto: http'] }));
    await edge.setInbound('acme', false);
    const off = await edge.raw(bytes(`POST ${path}`, { body: POINT }));
    await edge.setInbound('acme', true);
    await edge.api(`PATCH /v1/organizations/acme/inbound-hooks/${hook}`, { enabled: false });
    const disabled = await edge.raw(bytes(`POST ${path}`, { body: POINT }));
    const bodies = [insecure, off, disabled].map((answer) => answer.split('\r\n\r\n')[1]);
    expect([insecure, off, disabled].map((answer) => answer.split(' ', 2)[1])).toEqual(['403', '403', '403']);
    expect(new Set(bodies).size).toBe(1);
    expect((await send(edge, bytes(`POST ${wrongKey(path)}`, { body: POINT }))).status).toBe(401);
  });

  test('RES-08: 408 if the body does not arrive in time, and the connection closes', async () => {
    await using edge = await start({ receive: { bodyTimeoutMs: 50 } });
    const { path } = await edge.goal();
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
    for (const unfinished of [
      'Content-Length: 100\r\n\r\n{"date"',
      'Content-Length: 100\r\n\r\n',
      'Transfer-Encoding: chunked\r\n\r\n3\r\n{"d\r\n',
    ]) {
      const answer = await send(edge, head + unfinished);
      expect(answer).toMatchObject({ status: 408, body: { code: 'request_timeout' } });
      expect(answer.head).toMatch(/^connection: close$/im);
    }
  });

  test('RES-08: 410 for a deleted goal', async () => {
    await using edge = await start();
    const { path, goal } = await edge.goal();
    await edge.post(path, POINT);
    expect((await edge.api(`DELETE /v1/organizations/acme/goals/${goal}`)).status).toBe(204);
    expect(await send(edge, bytes(`POST ${path}`, { body: POINT }))).toMatchObject({ status: 410, body: { code: 'gone' } });
    expect((await edge.api(`GET /v1/organizations/acme/goals/${goal}`)).status).toBe(404);
  });

  test('RES-08: 429 per source address and per goal, with Retry-After', async () => {
    const once = { perSecond: 0.1, burst: 1 };
    for (const limits of [{ ratePerAddress: once }, { ratePerTarget: once }]) {
      await using edge = await start({ inbound: limits, receive: { trustedProxies: ['127.0.0.1'] } });
      const { path } = await edge.goal();
      const another = await edge.goal();
      const from = (ip: string, to = path): Promise<Raw> =>
        send(edge, bytes(`POST ${to}`, { body: POINT, headers: [`X-Forwarded-For: ${ip}`] }));
      expect((await from('192.0.2.1')).status).toBe(201);
      const limited = await from('192.0.2.1');
      expect(limited).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
      expect(limited.head).toMatch(/^retry-after: 10$/im);
      const perAddress = 'ratePerAddress' in limits;
      expect((await from('192.0.2.2')).status).toBe(perAddress ? 200 : 429);
      expect((await from('192.0.2.1', another.path)).status).toBe(perAddress ? 429 : 201);
      edge.time += 10_000;
      expect((await from('192.0.2.1')).status).toBe(200);
    }
  });

  test('RES-08: X-Forwarded-For is ignored unless a trusted proxy sends it', async () => {
    await using edge = await start({ inbound: { ratePerAddress: { perSecond: 0.1, burst: 1 } } });
    const { path } = await edge.goal();
    const answers = ['192.0.2.1', '192.0.2.2'].map((ip) => bytes(`POST ${path}`, { body: POINT, headers: [`X-Forwarded-For: ${ip}`] }));
    expect((await send(edge, answers[0] ?? '')).status).toBe(201);
    expect((await send(edge, answers[1] ?? '')).status).toBe(429);
  });

  test('RES-08: 500 for an internal fault, without its details', async () => {
    await using edge = await start();
    const { path } = await edge.goal();
    await edge.post(path, POINT);
    await edge.database.query(statement('break_points', 'ALTER TABLE goal_points RENAME TO goal_points_gone'));
    const answer = await send(edge, bytes(`POST ${path}`, { body: POINT }));
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(answer.body)).not.toContain('goal_points');
  });

  test('RES-08: 503 in maintenance mode of the server or the organization, with Retry-After', async () => {
    await using edge = await start();
    const { path } = await edge.goal();
    for (const place of [MAINTENANCE, '/v1/organizations/acme/inbound-maintenance']) {
      expect(await edge.api(`PUT ${place}`, { enabled: true, retryAfterSeconds: 7 })).toMatchObject({
        status: 200,
        body: { enabled: true },
      });
      const answer = await send(edge, bytes(`POST ${path}`, { body: POINT }));
      expect(answer).toMatchObject({ status: 503, body: { code: 'maintenance' } });
      expect(answer.head).toMatch(/^retry-after: 7$/im);
      await edge.api(`PUT ${place}`, { enabled: false });
    }
    await edge.api('PUT /v1/organizations/other/inbound-maintenance', { enabled: true });
    expect((await send(edge, bytes(`POST ${path}`, { body: POINT }))).status).toBe(201);
  });

  test('RES-09: of several reasons the first of 503, 405, 404, 401, 403, 410, 429, 408, 400 is returned', async () => {
    await using edge = await start({
      receive: { bodyTimeoutMs: 50, trustedProxies: ['127.0.0.1'] },
      inbound: { ratePerTarget: { perSecond: 0.001, burst: 2 } },
    });
    const { path, goal } = await edge.goal();
    const http = ['X-Forwarded-Proto: http'];
    const late = (to: string, headers: string[] = []): Promise<Raw> =>
      send(edge, [`POST ${to} HTTP/1.1`, 'Host: x', 'Content-Length: 9', ...headers, '', '{'].join('\r\n'));
    const steps: [number, () => Promise<Raw>][] = [
      [408, () => late(path)],
      [400, () => send(edge, bytes(`POST ${path}`, { body: '{' }))],
      [429, () => late(path)],
    ];
    for (const [status, act] of steps) expect((await act()).status).toBe(status);
    await edge.api(`DELETE /v1/organizations/acme/goals/${goal}`);
    expect((await late(path)).status).toBe(410);
    expect((await late(path, http)).status).toBe(403);
    expect((await late(wrongKey(path), http)).status).toBe(401);
    expect((await late(missing(path), http)).status).toBe(404);
    expect((await send(edge, bytes(`GET ${missing(path)}`, { headers: http }))).status).toBe(405);
    await edge.api(`PUT ${MAINTENANCE}`, { enabled: true });
    expect((await send(edge, bytes(`GET ${missing(path)}`, { headers: http }))).status).toBe(503);
    expect((await late(path, http)).status).toBe(503);
  });

  test('RES-12: plain HTTP is refused outside development, and always if a trusted proxy received it, unless allowed', async () => {
    const forms = [[], ['X-Forwarded-Proto: http'], ['X-Forwarded-Proto: https'], ['X-Forwarded-Proto: https, http']];
    for (const [receive, expected] of [
      [{ transport: 'tls' }, [403, 403, 403, 403]],
      [{ transport: 'direct' }, [201, 201, 201, 201]],
      [{ transport: 'tls', trustedProxies: ['127.0.0.0/8'] }, [403, 403, 201, 403]],
      [{ transport: 'direct', trustedProxies: ['127.0.0.1'] }, [201, 403, 201, 403]],
      [{ transport: 'any', trustedProxies: ['127.0.0.1'] }, [201, 201, 201, 201]],
    ] as const) {
      await using edge = await start({ receive });
      const { path } = await edge.goal();
      const statuses: number[] = [];
      for (const [index, headers] of forms.entries()) {
        statuses.push((await send(edge, bytes(`POST ${path}`, { body: `{"date":"2017-03-0${index + 1}","value":1}`, headers }))).status);
      }
      expect([receive, statuses]).toEqual([receive, expected]);
    }
  });

  test('RES-03: a body may be JSON, a form, or have no content type', async () => {
    await using edge = await start();
    const { path } = await edge.goal();
    const form = ['Content-Type: application/x-www-form-urlencoded; charset=utf-8'];
    const sent: [string, string[], number][] = [
      ['date=2017-03-01&value=-10&goodThreshold=&note=x', form, 201],
      ['{"date":"2017-03-02","value":"0.01","unknown":{"a":[1]}}', [], 201],
      [POINT, ['Content-Type: nonsense'], 201],
      [` ${POINT}`, form, 200],
      [POINT, ['Content-Type: text/plain'], 200],
      ['value=1&value=2&date=2017-03-01', form, 400],
      ['value=%ff&date=2017-03-01', form, 400],
      ['', [], 400],
      ['date=2017-03-01&value=1', [], 400],
    ];
    for (const [body, headers, status] of sent) {
      expect([body, (await send(edge, bytes(`POST ${path}`, { body, headers }))).status]).toEqual([body, status]);
    }
  });

  test('RES-07: a body that cannot be read is a 400 that names the rule', async () => {
    await using edge = await start({ receive: { maxBodyBytes: 9_000 } });
    const { path } = await edge.goal();
    for (const [body, rule] of [
      ['{"date":"2017-03-16","value":1,"value":2}', 'json'],
      ['{"date":"2017-03-16","value":01}', 'json'],
      ['{"date":"2017-03-16","value":1', 'json'],
      ['['.repeat(5_000), 'json'],
      ['[]', 'min_items'],
      ['5', 'type'],
      ['null', 'type'],
      ['"x"', 'type'],
      ['[[]]', 'type'],
      [`[${'1,'.repeat(1_000)}1]`, 'max_items'],
      [`"${'x'.repeat(10_000)}"`, 'max_bytes'],
    ] as const) {
      const answer = await send(edge, bytes(`POST ${path}`, { body }));
      expect([body.slice(0, 40), answer.status, answer.body.errors?.[0]?.rule]).toEqual([body.slice(0, 40), 400, rule]);
    }
  });

  test('a body without Content-Length is cut off when it grows too large', async () => {
    await using edge = await start({ receive: { maxBodyBytes: 100 } });
    const { path } = await edge.goal();
    const chunk = `c8\r\n${'x'.repeat(200)}\r\n`;
    expect(await send(edge, `POST ${path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`)).toMatchObject({
      status: 400,
      body: { errors: [{ rule: 'max_bytes' }] },
    });
  });

  test('RES-07: the error names every failing field and rule, with its path', async () => {
    await using edge = await start();
    const { path } = await edge.goal({ badThreshold: 10 });
    const named = async (body: unknown): Promise<string[]> => {
      const answer = await edge.post<Raw['body']>(path, body);
      expect(answer.status).toBe(400);
      return (answer.body.errors ?? []).map((error) => `${error.path} ${error.rule}`).sort();
    };
    expect(await named({})).toEqual(['/date required', '/value required']);
    expect(await named({ date: '2017-02-30', value: 'much', goodThreshold: 5 })).toEqual([
      '/date date',
      '/goodThreshold threshold_order',
      '/value decimal',
    ]);
    expect(await named({ date: 20170316, value: true, goodThreshold: [], badThreshold: '9'.repeat(41) })).toEqual([
      '/badThreshold digits',
      '/date date',
      '/goodThreshold decimal',
      '/value decimal',
    ]);
    expect(await named([{ date: '2017-03-16', value: 1 }, { value: null, date: '2017-03-17' }, 7])).toEqual([
      '/1/value required',
      '/2 type',
    ]);
  });

  test('a hook’s requests are stored, accepted and refused ones, without keys and secrets', async () => {
    await using edge = await start();
    const { path, hook } = await edge.goal();
    const key = path.split('/').at(-1) ?? '';
    await edge.post(path, { date: '2017-03-16', value: 1, password: 'hunter2', note: key });
    await edge.post(path, { value: 1 });
    await edge.post(wrongKey(path), POINT);
    const list = `GET /v1/organizations/acme/inbound-hooks/${hook}/requests`;
    type Kept = {
      data: { status: number; code: string | null; accepted: boolean; payload: string | null; sourceIp: string }[];
      nextCursor: string | null;
    };
    const kept = await eventually(async () => {
      const { body } = await edge.api<Kept>(list);
      expect(body.data).toHaveLength(3);
      return body.data;
    });
    expect(
      kept.map(({ status, code, accepted }) => [status, code, accepted]).toSorted(([one], [other]) => Number(one) - Number(other)),
    ).toEqual([
      [201, null, true],
      [400, 'inbound_data', false],
      [401, 'inbound_key_wrong', false],
    ]);
    expect(kept.find(({ status }) => status === 201)).toMatchObject({
      sourceIp: '127.0.0.1',
      payload: expect.stringContaining('"value":1'),
    });
    expect(JSON.stringify(kept)).not.toMatch(/hunter2|in_wrong/);
    expect(JSON.stringify(kept)).not.toContain(key);
    const first = await edge.api<Kept>(`${list}?limit=2`);
    const second = await edge.api<Kept>(`${list}?limit=2&cursor=${first.body.nextCursor}`);
    expect([first.body.data.length, second.body.data.length, second.body.nextCursor]).toEqual([2, 1, null]);
  });
});

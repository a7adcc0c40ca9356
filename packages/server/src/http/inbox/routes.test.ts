import { once } from 'node:events';
import { connect } from 'node:net';
import { generateSecret, generateSigningKey, createSigner, publicKeyOf } from '@posthorn/protocol/signing';
import { expect, test } from 'vitest';
import { testPostgres } from '../../../test-support/database.ts';
import { startHttpEdge, type HttpEdge } from '../../../test-support/http-edge.ts';
import type { CaughtRequest } from './inbox-store.ts';
import { inboxRoutes } from './routes.ts';

async function start(): Promise<HttpEdge> {
  const edge: HttpEdge = await startHttpEdge({ database: await testPostgres(), open: (app) => inboxRoutes(app, { now: () => edge.time }) });
  return edge;
}

async function requestsOf(edge: HttpEdge, name = 'box'): Promise<CaughtRequest[]> {
  const { body } = await edge.request(`GET /inbox/${name}/requests`, { key: null });
  return (body as { data: CaughtRequest[] }).data;
}

/** Sends raw bytes. Resolves to everything received until the connection closes. */
async function sendRaw(edge: HttpEdge, text: string): Promise<string> {
  const { hostname, port } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

async function view(edge: HttpEdge, name = 'box'): Promise<{ html: string; headers: Headers }> {
  const response = await fetch(`${edge.url}/inbox/${name}/view`);
  return { html: await response.text(), headers: response.headers };
}

test('a request with any method and content type is stored unchanged', async () => {
  await using edge = await start();
  const json = await edge.request('POST /inbox/box?a=1', { key: null, body: '{"b": 2}' });
  expect(json).toMatchObject({ status: 200, body: { received: true } });
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const sent = await edge.request(`${method} /inbox/box`, {
      key: null,
      body: 'ö',
      headers: { 'content-type': 'text/x-odd; charset=utf-8' },
    });
    expect(sent.status).toBe(200);
  }
  await edge.request('GET /inbox/box?q=%20x&q=y', { key: null });
  await edge.request('HEAD /inbox/box', { key: null });
  expect((await requestsOf(edge)).map(({ method, url, body, truncated, signature }) => [method, url, body, truncated, signature])).toEqual([
    ['HEAD', '/inbox/box', '', false, 'absent'],
    ['GET', '/inbox/box?q=%20x&q=y', '', false, 'absent'],
    ['OPTIONS', '/inbox/box', 'ö', false, 'absent'],
    ['DELETE', '/inbox/box', 'ö', false, 'absent'],
    ['PATCH', '/inbox/box', 'ö', false, 'absent'],
    ['PUT', '/inbox/box', 'ö', false, 'absent'],
    ['POST', '/inbox/box?a=1', '{"b": 2}', false, 'absent'],
  ]);
});

test('a body without a content type, or with an invalid one, is stored too', async () => {
  await using edge = await start();
  const rest = 'Host: x\r\nConnection: close\r\nContent-Length: 2\r\n';
  expect(await sendRaw(edge, `POST /inbox/box HTTP/1.1\r\n${rest}\r\nhi`)).toContain('200 OK');
  expect(await sendRaw(edge, `POST /inbox/box HTTP/1.1\r\n${rest}Content-Type: nonsense\r\n\r\nhi`)).toContain('200 OK');
  expect(await sendRaw(edge, `POST /inbox/box HTTP/1.1\r\n${rest}Content-Type: application/json\r\n\r\n{x`)).toContain('200 OK');
  expect((await requestsOf(edge)).map(({ body }) => body)).toEqual(['{x', 'hi', 'hi']);
});

test('headers keep their order, case and repeats', async () => {
  await using edge = await start();
  await sendRaw(edge, 'GET /inbox/box HTTP/1.1\r\nHost: x\r\nX-Two: a\r\nx-TWO: b\r\nConnection: close\r\n\r\n');
  expect((await requestsOf(edge))[0]?.headers).toEqual([
    ['Host', 'x'],
    ['X-Two', 'a'],
    ['x-TWO', 'b'],
    ['Connection', 'close'],
  ]);
});

test('64 KiB of a large body are stored; more than 1 MiB is refused', async () => {
  await using edge = await start();
  expect((await edge.request('POST /inbox/box', { key: null, body: 'x'.repeat(1024 * 1024) })).status).toBe(200);
  expect((await edge.request('POST /inbox/box', { key: null, body: 'x'.repeat(1024 * 1024 + 1) })).status).toBe(413);
  const caught = await requestsOf(edge);
  expect(caught.map(({ body, truncated }) => [body.length, truncated])).toEqual([[65_536, true]]);
});

test('the last hundred are stored, newest first, until they are deleted', async () => {
  await using edge = await start();
  for (let number = 0; number < 103; number++) await edge.request('POST /inbox/box', { key: null, body: String(number) });
  const caught = await requestsOf(edge);
  expect(caught.map(({ body }) => Number(body))).toEqual(Array.from({ length: 100 }, (_, index) => 102 - index));
  expect(await requestsOf(edge, 'another')).toEqual([]);
  expect((await edge.request('DELETE /inbox/box/requests', { key: null })).status).toBe(204);
  expect(await requestsOf(edge)).toEqual([]);
});

test('it responds as configured, with a delay if one is set', async () => {
  await using edge = await start();
  const settings = { answer: { status: 503, body: 'busy', contentType: 'text/plain', delayMs: 150 } };
  expect((await edge.request('PUT /inbox/box/settings', { key: null, body: settings })).body).toEqual({ ...settings, hasSecret: false });
  const started = performance.now();
  expect(await edge.request('POST /inbox/box', { key: null, body: '{}' })).toMatchObject({ status: 503, body: 'busy' });
  expect(performance.now() - started).toBeGreaterThan(140);
  await edge.request('PUT /inbox/box/settings', { key: null, body: { answer: { status: 204, body: '', delayMs: 0 } } });
  expect(await edge.request('POST /inbox/box', { key: null, body: '{}' })).toMatchObject({ status: 204, body: '' });
  expect((await edge.request('GET /inbox/box/settings', { key: null })).body).toMatchObject({
    answer: { status: 204, contentType: 'text/plain' },
  });
  expect((await edge.request('POST /inbox/another', { key: null, body: '{}' })).status).toBe(200);
});

test('an HTML response cannot run scripts at this origin', async () => {
  await using edge = await start();
  await edge.request('PUT /inbox/box/settings', {
    key: null,
    body: { answer: { contentType: 'text/html', body: '<script>alert(1)</script>' } },
  });
  const answer = await edge.request('GET /inbox/box', { key: null });
  expect(answer.headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
});

test('invalid settings are refused', async () => {
  await using edge = await start();
  for (const [body, path] of [
    [{ answer: { status: 99 } }, '/answer/status'],
    [{ answer: { contentType: 'a\r\nb' } }, '/answer/contentType'],
    [{ answer: { delayMs: 1e6 } }, '/answer/delayMs'],
    [{ answers: {} }, '/answers'],
    [{ secret: 'whsec_short' }, '/secret'],
    [{ secret: 'whpk_short' }, '/secret'],
    [{ secret: generateSigningKey() }, '/secret'],
  ] as const) {
    const answer = await edge.request('PUT /inbox/box/settings', { key: null, body });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } });
  }
  expect((await edge.request('PUT /inbox/box/settings', { key: null })).status).toBeGreaterThanOrEqual(400);
  expect((await edge.request('POST /inbox/no%20name', { key: null })).status).toBe(422);
  expect((await edge.request(`POST /inbox/${'x'.repeat(65)}`, { key: null })).status).toBe(422);
});

test.each([
  ['whsec_', generateSecret(), (secret: string) => secret],
  ['whpk_', generateSigningKey(), publicKeyOf],
] as const)('with a %s secret each signature is judged', async (_kind, signing, verifying) => {
  await using edge = await start();
  const signer = createSigner([{ kind: 'standard-webhooks' }], [signing]);
  const body = Buffer.from('{"a":1}');
  const post = (timestampSeconds: number, sent: Buffer = body): Promise<unknown> => {
    const headers = Object.fromEntries(signer.headers({ id: 'msg_1', timestampSeconds, body, wire: body }));
    return edge.request('POST /inbox/box', { key: null, body: sent, headers });
  };
  const now = Math.floor(edge.time / 1_000);
  await post(now);
  const put = await edge.request('PUT /inbox/box/settings', { key: null, body: { secret: verifying(signing) } });
  expect(put.body).toMatchObject({ hasSecret: true });
  expect(JSON.stringify(put.body)).not.toContain(verifying(signing).slice(8));
  await post(now);
  await post(now, Buffer.from('{"a":2}'));
  await post(now - 299);
  await post(now - 302);
  await post(now + 302);
  await edge.request('POST /inbox/box', { key: null, body });
  await edge.request('POST /inbox/box', { key: null, body, headers: { 'webhook-signature': 'v1,abc' } });
  const query = { id: 'msg_1', timestampSeconds: now, body, wire: 'a=1', sent: Buffer.from('own=0&a=1') };
  const headers = Object.fromEntries(signer.headers(query));
  for (const sent of ['own=0&a=1', 'own=0&a=2']) await edge.request(`GET /inbox/box?${sent}`, { key: null, headers });
  expect((await requestsOf(edge)).toReversed().map(({ signature, signatureProblem }) => [signature, signatureProblem])).toEqual([
    ['unchecked', null],
    ['valid', null],
    ['invalid', expect.stringContaining('No signature')],
    ['valid', null],
    ['invalid', expect.stringContaining('is too old')],
    ['invalid', expect.stringContaining('in the future')],
    ['absent', null],
    ['invalid', expect.stringContaining('webhook-id is missing')],
    ['valid', null],
    ['invalid', expect.stringContaining('No signature')],
  ]);
});

test('the page shows the requests, newest first, with everything escaped', async () => {
  await using edge = await start();
  expect((await view(edge)).html).toContain('Nothing has arrived yet');
  await edge.request('POST /inbox/box?x=%3Cb%3E&y="\'', {
    key: null,
    body: '{"evil":"<script>alert(1)</script>","n":12345678901234567890}',
  });
  await sendRaw(edge, `GET /inbox/box?"><img> HTTP/1.1\r\nHost: x\r\nX-Evil: "><img src=x>\r\nConnection: close\r\n\r\n`);
  const { html, headers } = await view(edge);
  expect(html).not.toMatch(/<script|<img/);
  expect(html).toContain('&#34;evil&#34;: &#34;&#60;script&#62;');
  expect(html).toContain('12345678901234567890');
  expect(html.indexOf('&#60;img')).toBeLessThan(html.indexOf('evil'));
  expect(html).not.toMatch(/https?:\/\//);
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
});

test('a very deeply nested body is shown unformatted', async () => {
  await using edge = await start();
  await edge.request('POST /inbox/box', { key: null, body: '['.repeat(30_000) + ']'.repeat(30_000) });
  expect((await view(edge)).html.length).toBeLessThan(100_000);
});

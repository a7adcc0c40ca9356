import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { makeCertificates } from '../../../test-support/certificates.ts';
import type { Certificates } from '../../../test-support/certificates.ts';
import { startFullListener, startHellReceiver } from '../../../test-support/hell-receiver.ts';
import { sentExchange } from '../../../test-support/sent-exchange.ts';
import { parseTargets } from '../../network/target-address.ts';
import { createSender } from './sender.ts';
import type { Exchange, Sender } from './sender.ts';

let certificates: Certificates;
let sender: Sender | null = null;

beforeAll(async () => {
  certificates = await makeCertificates('endpoint.test');
});

afterEach(async () => {
  await sender?.close(0);
  sender = null;
});

function post(url: string, options: { timeoutMs?: number; trusted?: boolean } = {}): Promise<Exchange> {
  sender ??= createSender({
    allowedTargets: parseTargets('127.0.0.0/8').targets,
    resolve: async () => ({ addresses: [{ address: '127.0.0.1', family: 4 }], ttlSeconds: 60 }),
    ...(options.trusted === false ? {} : { ca: certificates.ca }),
  });
  return sentExchange(sender, { url, method: 'POST', headers: [], body: Buffer.from('{}'), timeoutMs: options.timeoutMs ?? 15_000 });
}

it('reaches an endpoint with a valid certificate, and reuses the connection', async () => {
  await using endpoint = await startHellReceiver({ tls: certificates.valid });
  for (let turn = 0; turn < 3; turn++)
    expect(await post(endpoint.url('ok', 'endpoint.test'))).toMatchObject({ failure: null, response: { status: 200 } });
  expect(endpoint.seen.connections).toBe(1);
});

it('reaches it again with a resumed session', async () => {
  await using endpoint = await startHellReceiver({ tls: certificates.valid });
  for (let turn = 0; turn < 3; turn++) expect((await post(endpoint.url('ok-and-close', 'endpoint.test'))).failure).toBeNull();
  expect(endpoint.seen.connections).toBe(3);
});

it.each([
  ['expired', 'tls_expired'],
  ['selfSigned', 'tls_self_signed'],
  ['wrongHost', 'tls_wrong_host'],
] as const)('refuses an %s certificate as %s, every time', async (kind, code) => {
  await using endpoint = await startHellReceiver({ tls: certificates[kind] });
  for (let turn = 0; turn < 3; turn++) {
    const { failure, response } = await post(endpoint.url('ok', 'endpoint.test'));
    expect(response).toBeNull();
    expect(failure?.code).toBe(code);
    expect(failure?.message).not.toMatch(/127\.0|another\.test/);
  }
  expect(endpoint.seen.requests).toEqual([]);
});

it('refuses a certificate from an authority that is not trusted', async () => {
  await using endpoint = await startHellReceiver({ tls: certificates.valid });
  expect((await post(endpoint.url('ok', 'endpoint.test'), { trusted: false })).failure?.code).toMatch(/^tls_(error|self_signed)$/);
});

it('checks the certificate against an IP address in the URL', async () => {
  await using endpoint = await startHellReceiver({ tls: certificates.valid });
  expect((await post(endpoint.url('ok'))).failure?.code).toBe('tls_wrong_host');
});

it('is tls_error if the endpoint does not speak TLS', async () => {
  await using endpoint = await startHellReceiver();
  const talker = createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
    0,
    '127.0.0.1',
  );
  await once(talker, 'listening');
  const address = talker.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  expect((await post(`https://endpoint.test:${port}/`)).failure?.code).toBe('tls_error');
  talker.close();
  expect((await post(`https://endpoint.test:${endpoint.port}/`, { timeoutMs: 150 })).failure?.code).toBe('connect_timeout');
});

it('is connect_timeout if the TLS handshake, or the connection before it, never completes', async () => {
  await using full = await startFullListener();
  expect((await post(`https://endpoint.test:${full.port}/`, { timeoutMs: 150 })).failure?.code).toBe('connect_timeout');
});

it('is reset if a TLS endpoint cuts off its response', async () => {
  await using endpoint = await startHellReceiver({ tls: certificates.valid });
  expect((await post(endpoint.url('close-mid-body', 'endpoint.test'))).failure?.code).toBe('reset');
});

import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test-support/eventually.ts';
import { startHellReceiver } from '../../../test-support/hell-receiver.ts';
import type { HellReceiver } from '../../../test-support/hell-receiver.ts';
import { sendRequest, sentExchange } from '../../../test-support/sent-exchange.ts';
import { parseTargets } from '../../network/target-address.ts';
import { createSender } from './sender.ts';
import type { Exchange, LocalSender, SenderOptions } from './sender.ts';

const allowedTargets = parseTargets('127.0.0.0/8').targets;
const REFUSED = 'HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno';
const senders: LocalSender[] = [];
let hell: HellReceiver;

beforeEach(async () => {
  hell = await startHellReceiver();
});

afterEach(async () => {
  for (const sender of senders.splice(0)) await sender.close(0);
  await hell[Symbol.asyncDispose]();
});

function open(options: SenderOptions = {}): LocalSender {
  const sender = createSender({ allowedTargets, ...options });
  senders.push(sender);
  return sender;
}

function post(sender: LocalSender, url: string, timeoutMs = 15_000): Promise<Exchange> {
  return sentExchange(sender, { url, timeoutMs });
}

describe('connections', () => {
  it('are reused', async () => {
    const sender = open();
    for (let turn = 0; turn < 20; turn++) expect((await post(sender, hell.url('ok'))).failure).toBeNull();
    expect(hell.seen.connections).toBe(1);
    expect(sender.stats()).toEqual({ exchanges: 0, connections: 1 });
  });

  it('are limited per origin, and the other requests wait', async () => {
    const sender = open({ connectionsPerOrigin: 3 });
    const requests = Array.from({ length: 50 }, (_, organizationKey) => ({
      url: hell.url('ok'),
      organizationKey,
      webhookId: `${organizationKey}`,
    }));
    const exchanges = await Promise.all(requests.map((request) => sentExchange(sender, request)));
    expect(exchanges.every(({ failure }) => failure === null)).toBe(true);
    expect(hell.seen.connections).toBe(3);
  });

  it('serve waiting requests when a server closes each after its response', async () => {
    const sender = open({ connectionsPerOrigin: 2 });
    const exchanges = await Promise.all(Array.from({ length: 10 }, () => post(sender, hell.url('ok-and-close'))));
    expect(exchanges.every(({ failure }) => failure === null)).toBe(true);
    expect(hell.seen.connections).toBe(10);
    await eventually(() => expect(sender.stats().connections).toBe(0));
  });

  it('that hang cause no failure, and waiting for one does not count towards the deadline', async () => {
    const sender = open({ connectionsPerOrigin: 1 });
    const hanging = post(sender, hell.url('no-answer'), 300);
    const patient = await post(sender, hell.url('ok'), 200);
    expect(patient.failure).toBeNull();
    expect(patient.durationMs).toBeLessThan(200);
    expect((await hanging).failure?.code).toBe('timeout');
    expect(hell.seen.requests).toHaveLength(2);
  });

  it('that hang for long return a request unsent, and it can be sent again', async () => {
    const sender = open({ connectionsPerOrigin: 1, maxWaitMs: 20 });
    const hanging = post(sender, hell.url('no-answer'), 300);
    expect(await sendRequest(sender, { url: hell.url('ok') })).toBeNull();
    expect((await hanging).failure?.code).toBe('timeout');
    expect((await post(sender, hell.url('ok'))).failure).toBeNull();
    expect(hell.seen.requests).toHaveLength(2);
    expect(sender.stats().exchanges).toBe(0);
  });

  it('of an organization whose webhooks hang leave half of them to others', async () => {
    const sender = open({ connectionsPerOrigin: 64 });
    const hanging = Array.from({ length: 480 }, (_, index) =>
      sendRequest(sender, { url: hell.url('no-answer'), organizationKey: 1, webhookId: `hanging-${index % 60}` }),
    );
    await eventually(() => expect(hell.seen.connections).toBe(32));
    const others = Array.from({ length: 100 }, (_, index) =>
      sentExchange(sender, { url: hell.url('ok'), organizationKey: 2 + (index % 4), webhookId: `other-${index % 8}` }),
    );
    for (const { failure } of await Promise.all(others)) expect(failure).toBeNull();
    expect(hell.seen.requests.filter((head) => head.startsWith('POST /no-answer'))).toHaveLength(32);
    await sender.close(0);
    await Promise.all(hanging);
  });

  it('of a webhook that hangs leave some to the others of its organization', async () => {
    const sender = open({ connectionsPerOrigin: 64 });
    const hanging = Array.from({ length: 100 }, () => sendRequest(sender, { url: hell.url('no-answer'), webhookId: 'hanging' }));
    await eventually(() => expect(hell.seen.connections).toBeGreaterThan(20));
    const other = await Promise.all(Array.from({ length: 50 }, () => sentExchange(sender, { url: hell.url('ok'), webhookId: 'other' })));
    for (const { failure } of other) expect(failure).toBeNull();
    await sender.close(0);
    await Promise.all(hanging);
  });

  it('are limited over all origins: an idle one elsewhere makes room', async () => {
    await using other = await startHellReceiver();
    const sender = open({ maxConnections: 2 });
    await Promise.all([post(sender, hell.url('ok')), post(sender, hell.url('ok'))]);
    const exchanges = await Promise.all(Array.from({ length: 6 }, (_, index) => post(sender, (index % 2 === 0 ? hell : other).url('ok'))));
    expect(exchanges.every(({ failure }) => failure === null)).toBe(true);
    expect(sender.stats().connections).toBeLessThanOrEqual(2);
  });

  it('are closed when other origins evict their pool, after their exchanges have ended', async () => {
    await using other = await startHellReceiver();
    const sender = open({ maxOrigins: 1 });
    const running = post(sender, hell.url('ok'));
    expect((await post(sender, other.url('ok'))).failure).toBeNull();
    expect((await running).failure).toBeNull();
    await eventually(() => expect(sender.stats().connections).toBe(1));
  });

  it('close after their idle time', async () => {
    const sender = open({ keepAliveMs: 50 });
    await post(sender, hell.url('ok'));
    await eventually(() => expect(sender.stats().connections).toBe(0));
  });
});

describe('a reused connection that the server had just closed', () => {
  it('is replaced, and the request sent once more', async () => {
    const sender = open();
    expect((await post(sender, hell.url('stale'))).failure).toBeNull();
    expect((await post(sender, hell.url('stale'))).failure).toBeNull();
    expect(hell.seen).toMatchObject({ connections: 2, requests: { length: 3 } });
  });

  it('is replaced when it was reset after the request had been written', async () => {
    const sender = open();
    for (let turn = 0; turn < 2; turn++) expect((await post(sender, hell.url('stale-reset'))).failure).toBeNull();
    expect(hell.seen).toMatchObject({ connections: 2, requests: { length: 3 } });
  });

  it('is replaced when it was reset at any moment before or after that', async () => {
    const sender = open();
    for (let turn = 0; turn < 200; turn++) {
      expect((await post(sender, hell.url('ok-then-reset'))).failure).toBeNull();
      const until = performance.now() + (turn % 50) / 10;
      while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(hell.seen.connections).toBeGreaterThan(10);
  });

  it('is no reason to repeat after an interim response', async () => {
    const sender = open();
    await post(sender, hell.url('ok'));
    expect((await post(sender, hell.url('continue-and-close'))).failure?.code).toBe('reset');
    expect(hell.seen.requests).toHaveLength(2);
  });

  it('is no reason to repeat on a new connection', async () => {
    const sender = open();
    expect((await post(sender, hell.url('close-at-once'))).failure?.code).toBe('reset');
    expect(hell.seen.requests).toHaveLength(1);
  });

  it('is not repeated twice', async () => {
    const sender = open();
    await post(sender, hell.url('ok'));
    expect((await post(sender, hell.url('close-at-once'))).failure?.code).toBe('reset');
    expect(hell.seen.requests).toHaveLength(3);
  });

  it('is not repeated once a response had begun', async () => {
    const sender = open();
    await post(sender, hell.url('ok'));
    expect((await post(sender, hell.url('reset-mid-body'))).failure?.code).toBe('reset');
    expect(hell.seen.requests).toHaveLength(2);
  });
});

describe('an endpoint that refuses a large body before it has read it', () => {
  const REFUSALS = [
    ['closes', (socket: Socket) => socket.end(REFUSED)],
    ['closes without a length', (socket: Socket) => socket.end('HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nno')],
    ['resets the connection', (socket: Socket) => socket.write(REFUSED, () => socket.resetAndDestroy())],
    ['destroys the connection', (socket: Socket) => socket.write(REFUSED, () => socket.destroy())],
    ['reads no more', (socket: Socket) => socket.write(REFUSED.replace('Connection: close\r\n', ''))],
  ] as const;

  it.each(REFUSALS)('and %s is recorded with its status', async (_what, refuse) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      socket.once('data', () => {
        socket.pause();
        refuse(socket);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sender = open();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    for (let turn = 0; turn < 10; turn++) {
      const exchange = await sentExchange(sender, { url, body: Buffer.alloc(8_000_000) });
      expect(exchange).toMatchObject({ failure: null, response: { status: 413 } });
    }
    expect(sockets.size).toBe(10);
    for (const socket of sockets) socket.destroy();
    server.close();
  });
});

describe('close', () => {
  it('waits for what is under way', async () => {
    const sender = open();
    const running = post(sender, hell.url('ok'));
    await sender.close(15_000);
    expect((await running).failure).toBeNull();
    expect(sender.stats()).toEqual({ exchanges: 0, connections: 0 });
  });

  it('ends exchanges that take too long, whether they run or wait', async () => {
    const sender = open({ connectionsPerOrigin: 1 });
    const exchanges = [post(sender, hell.url('no-answer')), post(sender, hell.url('ok'))];
    await sender.close(50);
    for (const { failure } of await Promise.all(exchanges)) {
      expect(failure).toEqual({ code: 'timeout', message: 'Posthorn was shut down before the endpoint had responded.' });
    }
    expect(sender.stats()).toEqual({ exchanges: 0, connections: 0 });
  });

  it('refuses later requests', async () => {
    const sender = open();
    await sender.close(0);
    expect((await post(sender, hell.url('ok'))).failure?.code).toBe('timeout');
    expect(hell.seen.connections).toBe(0);
  });
});

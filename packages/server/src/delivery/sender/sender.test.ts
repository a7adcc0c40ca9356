import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFullListener, startHellReceiver } from '../../../test-support/hell-receiver.ts';
import type { HellBehaviour, HellReceiver } from '../../../test-support/hell-receiver.ts';
import { sentExchange } from '../../../test-support/sent-exchange.ts';
import { parseTargets } from '../../network/target-address.ts';
import { decodeBody } from './decode-body.ts';
import { createSender } from './sender.ts';
import type { Exchange, OutgoingRequest, Sender } from './sender.ts';
import { SenderThread } from './thread/sender-thread.ts';

/** Long enough for every exchange that ends by itself, even on a busy machine. */
const AMPLE_MS = 15_000;
const SHORT_MS = 150;

let hell: HellReceiver;
let sender: Sender;

const allowedTargets = parseTargets('127.0.0.0/8').targets;
const PLACES: readonly (readonly [string, () => Sender])[] = [
  ['in the caller’s thread', () => createSender({ allowedTargets })],
  ['in a thread of its own', () => new SenderThread({ allowedTargets, connectionsPerOrigin: 64 })],
];

function post(url: string, more: Partial<OutgoingRequest> = {}): Promise<Exchange> {
  const headers = [['content-type', 'application/json']] as const;
  return sentExchange(sender, { url, headers, body: Buffer.from('{"a":1}'), timeoutMs: AMPLE_MS, ...more });
}

const provoke = (behaviour: HellBehaviour, timeoutMs = AMPLE_MS) => post(hell.url(behaviour), { timeoutMs });

describe.each(PLACES)('%s', (_place, open) => {
  beforeAll(async () => {
    hell = await startHellReceiver();
    sender = open();
  });

  afterAll(async () => {
    await sender.close(0);
    await hell[Symbol.asyncDispose]();
  });

  describe('an exchange that goes well', () => {
    it('returns status, headers and body', async () => {
      const exchange = await provoke('ok');
      expect(exchange).toMatchObject({ failure: null, response: { status: 200, headers: [['Content-Length', '2']], truncated: false } });
      expect(String(exchange.response?.body)).toBe('ok');
      expect(exchange.durationMs).toBeGreaterThanOrEqual(0);
    });

    it('sends the method, path, headers and body as they are', async () => {
      await post(`${hell.url('ok')}?a=%7B1%7D&b`, {
        headers: [
          ['X-One', '1'],
          ['X-Many', 'a'],
          ['X-Many', 'b'],
        ],
      });
      const [line, ...headers] = hell.seen.requests.at(-1)?.split('\r\n') ?? [];
      expect(line).toBe('POST /ok?a=%7B1%7D&b HTTP/1.1');
      expect(headers).toEqual([
        `host: 127.0.0.1:${hell.port}`,
        'connection: keep-alive',
        'X-One: 1',
        'X-Many: a',
        'X-Many: b',
        'content-length: 7',
      ]);
    });

    it('sends GET without a body', async () => {
      expect(await post(`${hell.url('ok')}?event=%7B%7D`, { method: 'GET', body: null })).toMatchObject({ failure: null });
      expect(hell.seen.requests.at(-1)).toMatch(/^GET \/ok\?event=%7B%7D HTTP\/1\.1\r\n/);
      expect(hell.seen.requests.at(-1)).not.toMatch(/content-length/i);
    });

    it('keeps repeated headers in order, and their bytes', async () => {
      expect((await provoke('repeated-headers')).response?.headers).toEqual([
        ['Set-Cookie', 'a=1'],
        ['X-Odd', 'é'],
        ['Set-Cookie', 'b=2'],
        ['Content-Length', '0'],
      ]);
    });

    it('keeps at most 100 header lines', async () => {
      expect((await provoke('many-headers')).response?.headers).toHaveLength(100);
    });

    it.each(['early-hints', 'unasked-continue', 'dripping-continue'] as const)('skips the interim responses of %s', async (behaviour) => {
      for (let turn = 0; turn < 2; turn++) {
        const exchange = await provoke(behaviour);
        expect(exchange).toMatchObject({ failure: null, response: { status: 200 } });
        expect(String(exchange.response?.body)).toBe('ok');
      }
    });

    it.each(['no-content', 'no-content-chunked', 'no-content-announced', 'no-content-length', 'no-content-with-body'] as const)(
      'accepts a 204 with %s, and its announced body is no part of a later response',
      async (behaviour) => {
        expect(await provoke(behaviour)).toMatchObject({
          failure: null,
          response: { status: 204, truncated: false, body: Buffer.alloc(0) },
        });
        expect(String((await provoke('ok')).response?.body)).toBe('ok');
      },
    );

    it('does not wait for a body whose length a 304 announces', async () => {
      expect(await provoke('not-modified')).toMatchObject({ failure: null, response: { status: 304 } });
    });

    it('does not follow redirects', async () => {
      expect(await provoke('redirect')).toMatchObject({ failure: null, response: { status: 302 } });
    });
  });

  describe('an endpoint from hell', () => {
    it.each(['no-answer', 'drip-header', 'endless-1xx'] as const)('ends %s at the deadline', async (behaviour) => {
      const exchange = await provoke(behaviour, SHORT_MS);
      expect(exchange).toMatchObject({
        response: null,
        failure: { code: 'timeout', message: 'The endpoint did not complete its response within 150 ms.' },
      });
      expect(exchange.durationMs).toBeGreaterThanOrEqual(SHORT_MS - 5);
      expect(exchange.durationMs).toBeLessThan(AMPLE_MS);
    });

    it('ends a dripping body at the deadline, and returns the part received', async () => {
      const exchange = await provoke('drip-body', SHORT_MS);
      expect(exchange).toMatchObject({ failure: { code: 'timeout' }, response: { status: 200, truncated: true } });
      expect(String(exchange.response?.body)).toMatch(/^a+$/);
    });

    it.each(['endless-body', 'endless-tiny-chunks'] as const)('reads 64 KiB of %s and no more', async (behaviour) => {
      const { failure, response } = await provoke(behaviour);
      expect(failure).toBeNull();
      expect(response).toMatchObject({ status: 200, truncated: true });
      expect(response?.body.equals(Buffer.alloc(65_536, 'a'))).toBe(true);
    });

    it('does not unpack a gzip bomb beyond the limit', async () => {
      const exchange = await provoke('gzip-bomb');
      expect(exchange.response?.body.length).toBeLessThanOrEqual(65_536);
      expect(await decodeBody(exchange, 1_000)).toHaveLength(1_000);
    });

    it.each([
      ['huge-headers', 'response_too_large'],
      ['one-huge-header', 'response_too_large'],
      ['reset-at-once', 'reset'],
      ['close-at-once', 'reset'],
      ['reset-mid-body', 'reset'],
      ['close-mid-body', 'reset'],
      ['close-mid-chunk', 'reset'],
      ['close-mid-chunk-announced', 'reset'],
      ['garbage', 'bad_response'],
      ['invalid-header', 'bad_response'],
      ['bad-chunking', 'bad_response'],
      ['two-lengths', 'bad_response'],
      ['upgrade', 'bad_response'],
      ['flood-1xx', 'bad_response'],
      ['flood-100', 'bad_response'],
      ['endless-interim-header', 'response_too_large'],
      ['continue-and-close', 'reset'],
      ['half-status-line', 'reset'],
    ] as const)('ends %s as %s', async (behaviour, code) => {
      expect((await provoke(behaviour)).failure).toMatchObject({ code });
    });

    it('names an endless run of interim responses', async () => {
      expect((await provoke('flood-1xx')).failure?.message).toBe(
        'The endpoint sent more than 100 interim (1xx) responses and no final one.',
      );
    });

    it('uses the status of an error whose body was cut off', async () => {
      expect(await provoke('error-mid-body')).toMatchObject({ failure: null, response: { status: 503, truncated: true } });
    });

    it('returns the part of a response received before the connection was reset', async () => {
      expect(await provoke('close-mid-body')).toMatchObject({ failure: { code: 'reset' }, response: { status: 200, truncated: true } });
    });

    it('keeps memory flat under 200 endless bodies', async () => {
      const held = () => {
        const { heapUsed, external } = process.memoryUsage();
        return heapUsed + external;
      };
      const round = () =>
        Promise.all(Array.from({ length: 20 }, () => provoke('endless-body').then(({ response }) => response?.body.length)));
      await round();
      const before = held();
      for (let done = 0; done < 200; done += 20) expect(new Set(await round())).toEqual(new Set([65_536]));
      expect(held() - before).toBeLessThan(100_000_000);
    });
  });

  describe('a connection that does not come about', () => {
    it('is connect_refused if nothing listens', async () => {
      const gone = await startHellReceiver();
      await gone[Symbol.asyncDispose]();
      expect(await post(gone.url('ok'))).toMatchObject({ response: null, failure: { code: 'connect_refused' } });
    });

    it('is connect_timeout if there is no response', async () => {
      await using full = await startFullListener();
      const exchange = await post(`http://127.0.0.1:${full.port}/`, { timeoutMs: SHORT_MS });
      expect(exchange).toMatchObject({ response: null, failure: { code: 'connect_timeout' } });
      expect(exchange.durationMs).toBeLessThan(AMPLE_MS);
    });

    it.each(['http://10.0.0.1/', 'http://[::1]/', 'http://169.254.169.254/', 'http://2852039166/', 'https://192.168.0.1/'])(
      'is blocked_address for %s',
      async (url) => {
        const { failure, response } = await post(url);
        expect(response).toBeNull();
        expect(failure).toEqual({
          code: 'blocked_address',
          message: 'The endpoint’s address is private or otherwise reserved, and webhooks may not be sent there.',
        });
      },
    );
  });

  describe('a request that cannot be sent', () => {
    it.each([
      ['a line break in a header', { headers: [['X-A', 'b\r\nX-C: d']] }],
      ['characters that no header has', { headers: [['X-A', '→']] }],
      ['a header name with a space', { headers: [['X A', 'b']] }],
      ['a header of the connection', { headers: [['transfer-encoding', 'chunked']] }],
      ['a length that is not the body’s', { headers: [['content-length', '1']] }],
      ['no URL', { url: 'example.com/x' }],
      ['another protocol', { url: 'ftp://example.com/x' }],
    ] as const)('answers bad_response for %s', async (_what, more) => {
      expect((await post(hell.url('ok'), more)).failure).toMatchObject({
        code: 'bad_response',
        message: expect.stringContaining('could not be sent'),
      });
      expect(await provoke('ok')).toMatchObject({ failure: null });
    });
  });
});

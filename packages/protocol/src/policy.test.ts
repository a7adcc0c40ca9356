import { describe, expect, test } from 'vitest';
import {
  DEFAULT_POLICY,
  defaultEnvelope,
  delays,
  duration,
  every,
  exponential,
  hmacSignature,
  NO_RETRY,
  resolvePolicy,
  standardWebhooks,
} from './policy.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe('durations', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30 * SECOND],
    ['5m', 5 * MINUTE],
    ['1h', HOUR],
    ['1.5h', 90 * MINUTE],
    ['2d', 48 * HOUR],
    ['0s', 0],
    ['1.001s', 1_001],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(duration(text)).toBe(milliseconds);
  });

  test.each(['', '5', 's', '5 s', '-5s', '5S', '5min', '1e3s', '.5h', '5.h', 'NaNs', '1h30m', '999999999999999d', '5s\n'])(
    '%j is refused',
    (text) => {
      expect(() => duration(text)).toThrow(RangeError);
    },
  );
});

describe('retry plans', () => {
  test('every: the same wait each time', () => {
    expect(every('1h', 5)).toEqual({ kind: 'fixed', delayMs: HOUR, retries: 5, jitter: 0 });
  });

  test('delays: the given waits', () => {
    expect(delays(['5m', '30m', '2h'])).toEqual({ kind: 'list', delaysMs: [5 * MINUTE, 30 * MINUTE, 2 * HOUR], jitter: 0 });
  });

  test('exponential: waits that grow up to the longest', () => {
    expect(exponential({ first: '5s', max: '1h', retries: 8 })).toEqual({
      kind: 'exponential',
      firstMs: 5 * SECOND,
      factor: 2,
      maxMs: HOUR,
      retries: 8,
      jitter: 0.1,
    });
  });

  test.each([
    ['a fraction of a retry', () => every('1h', 1.5)],
    ['fewer than no retries', () => every('1h', -1)],
    ['a wait that is no duration', () => delays(['soon'])],
    ['no waits at all', () => delays([])],
    ['jitter beyond the wait itself', () => delays(['5s'], 1.1)],
    ['jitter that is no number', () => every('1h', 1, Number.NaN)],
    ['waits that shrink', () => exponential({ first: '5s', max: '1h', retries: 8, factor: 0.5 })],
  ])('%s is refused', (_what, make) => {
    expect(make).toThrow(RangeError);
  });
});

describe('signature schemes', () => {
  test('a header of the product’s own', () => {
    expect(hmacSignature({ header: 'X-Shop-Hmac', algorithm: 'sha256', encoding: 'hex' })).toEqual({
      kind: 'hmac',
      header: 'X-Shop-Hmac',
      algorithm: 'sha256',
      encoding: 'hex',
    });
  });

  test.each(['', 'X Shop', 'X-Shop\r\nEvil', 'Webhook-Signature', 'webhook-id'])('the header %j is refused', (header) => {
    expect(() => hmacSignature({ header, algorithm: 'sha256', encoding: 'hex' })).toThrow(RangeError);
  });
});

describe('policy', () => {
  test('the default: 2xx, 20 s, ten attempts over three days, https, off after five days of failure', () => {
    expect(resolvePolicy({})).toEqual({
      methods: ['POST'],
      contentTypes: ['application/json'],
      url: 'https',
      success: { status: '2xx', bodyContains: null },
      timeoutMs: 20 * SECOND,
      retry: {
        kind: 'list',
        delaysMs: [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
        jitter: 0.1,
      },
      whenExhausted: 'nothing',
      disableAfterMs: 120 * HOUR,
      signatures: [standardWebhooks()],
      secret: 'generated',
      headers: {},
      formParameter: 'payload',
      ordered: false,
    });
  });

  test('a product overrides the defaults', () => {
    expect(resolvePolicy({ delivery: { retry: NO_RETRY, timeoutMs: 5_000 } })).toEqual({
      ...DEFAULT_POLICY,
      retry: { kind: 'none' },
      timeoutMs: 5_000,
    });
  });

  test('the default envelope is that of Standard Webhooks', () => {
    const time = new Date('2026-03-01T12:00:00.5Z');
    const event = { id: 'e1', type: 'user.created', time, data: { id: 'u1' }, scope: null, subject: null, sender: null };
    const envelope = defaultEnvelope({ ...event, organization: { id: 'acme', name: 'Acme' } });
    expect(JSON.stringify(envelope)).toBe('{"type":"user.created","timestamp":"2026-03-01T12:00:00.500Z","data":{"id":"u1"}}');
  });
});

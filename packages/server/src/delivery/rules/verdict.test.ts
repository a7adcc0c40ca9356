import { gunzipSync, gzipSync } from 'node:zlib';
import type { HeaderList, SuccessRule } from '@posthorn/protocol';
import { describe, expect, it } from 'vitest';
import { type Decode, type JudgedExchange, judge } from './verdict.ts';

const decode: Decode = (body, encoding) => {
  if (encoding !== 'gzip') return null;
  try {
    return gunzipSync(body);
  } catch {
    return null;
  }
};
const OK: SuccessRule = { status: '2xx', bodyContains: null };
const PHRASE: SuccessRule = { status: [200], bodyContains: 'grün: "ok"' };

function answered(status: number, body: Uint8Array | string = '', headers: HeaderList = []): JudgedExchange {
  return { response: { status, headers, body: Buffer.from(body), truncated: false }, failure: null };
}

describe('judge', () => {
  it.each([200, 201, 204, 299])('judges %i as a success of 2xx', (status) => {
    expect(judge(answered(status), OK, decode)).toEqual({ kind: 'success' });
  });

  it.each([199, 300, 302, 400, 404, 500])('judges %i as a failure of 2xx, neither overload nor gone', (status) => {
    expect(judge(answered(status), OK, decode)).toMatchObject({
      kind: 'failure',
      failure: { code: 'status' },
      overload: false,
      gone: false,
    });
  });

  it('accepts exactly the listed status codes', () => {
    const rule: SuccessRule = { status: [200, 302], bodyContains: null };
    expect(judge(answered(302), rule, decode).kind).toBe('success');
    expect(judge(answered(204), rule, decode)).toMatchObject({
      failure: { message: 'The endpoint responded with 204; expected 200, 302.' },
    });
  });

  it.each([429, 503])('judges %i as overload', (status) => {
    expect(judge(answered(status), OK, decode)).toMatchObject({ overload: true, gone: false });
  });

  it('judges 410 as gone, unless the rule counts it as success', () => {
    expect(judge(answered(410), OK, decode)).toMatchObject({ gone: true, overload: false });
    expect(judge(answered(410), { status: [410], bodyContains: null }, decode)).toEqual({ kind: 'success' });
  });

  it('returns a transport failure, and a timeout as overload', () => {
    const failure = { code: 'timeout', message: 'too late' } as const;
    expect(judge({ response: null, failure }, OK, decode)).toEqual({ kind: 'failure', failure, overload: true, gone: false });
    const reset = { code: 'reset', message: 'cut' } as const;
    const halfAnswer = { ...answered(200), failure: reset };
    expect(judge(halfAnswer, OK, decode)).toEqual({ kind: 'failure', failure: reset, overload: false, gone: false });
  });

  it('finds the phrase in the bytes as received', () => {
    expect(judge(answered(200, '{"alles grün: "ok"}'), PHRASE, decode).kind).toBe('success');
    expect(judge(answered(200, 'other'), PHRASE, decode)).toMatchObject({ failure: { code: 'body_mismatch' }, overload: false });
    expect(judge(answered(500, 'grün: "ok"'), PHRASE, decode)).toMatchObject({ failure: { code: 'status' } });
  });

  it('finds the phrase in the decoded bytes', () => {
    const body = gzipSync('… grün: "ok" …');
    expect(judge(answered(200, body, [['Content-Encoding', 'GZIP']]), PHRASE, decode).kind).toBe('success');
    expect(judge(answered(200, body), PHRASE, decode).kind).toBe('failure');
  });

  it('finds the phrase in a plain body that claims to be encoded', () => {
    expect(judge(answered(200, 'grün: "ok"', [['content-encoding', 'gzip']]), PHRASE, decode).kind).toBe('success');
    expect(judge(answered(200, 'grün: "ok"', [['content-encoding', 'br']]), PHRASE, decode).kind).toBe('success');
  });

  it('tells how much of a longer body was searched', () => {
    const exchange: JudgedExchange = { response: { status: 200, headers: [], body: Buffer.alloc(10), truncated: true }, failure: null };
    expect(judge(exchange, PHRASE, decode)).toMatchObject({
      failure: { message: 'The first 10 bytes of the body do not contain “grün: "ok"”.' },
    });
  });
});

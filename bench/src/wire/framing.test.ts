import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digitsAt, frameAt, statusAt, writeDigits } from './framing.ts';

const message = (head: string, body: string): Buffer => Buffer.from(`${head}\r\n\r\n${body}`);

describe('frameAt', () => {
  test('finds head and body, whatever the case of the name', () => {
    for (const name of ['content-length', 'Content-Length', 'CONTENT-LENGTH']) {
      const bytes = message(`POST /w/0/a HTTP/1.1\r\nHost: x\r\n${name}: 5`, 'hello');
      expect(frameAt(bytes, 0)).toEqual({ bodyStart: bytes.length - 5, end: bytes.length });
    }
  });

  test('takes a message without a length as one without a body', () => {
    const bytes = message('GET / HTTP/1.1\r\nHost: x', '');
    expect(frameAt(bytes, 0)).toEqual({ bodyStart: bytes.length, end: bytes.length });
  });

  test('refuses a chunked message', () => {
    expect(() => frameAt(message('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', ''), 0)).toThrow('chunked');
  });

  test('answers null for every beginning of a message, and the frame for all of it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 50 }), (body) => {
        const bytes = message(`POST / HTTP/1.1\r\nContent-Length: ${Buffer.byteLength(body)}`, body);
        for (let length = 0; length < bytes.length; length++) expect(frameAt(bytes.subarray(0, length), 0)).toBeNull();
        expect(frameAt(bytes, 0)?.end).toBe(bytes.length);
      }),
    );
  });

  test('finds the second of two messages', () => {
    const first = message('POST / HTTP/1.1\r\nContent-Length: 3', 'one');
    const second = message('POST / HTTP/1.1\r\ncontent-length: 4', 'four');
    const both = Buffer.concat([first, second]);
    expect(frameAt(both, first.length)).toEqual({ bodyStart: both.length - 4, end: both.length });
  });
});

test('digits written are the digits read', () => {
  fc.assert(
    fc.property(fc.nat({ max: 9_999_999_999 }), (value) => {
      const buffer = Buffer.alloc(12, 'x');
      writeDigits(buffer, 1, { value, width: 10 });
      expect(buffer.toString()).toBe(`x${String(value).padStart(10, '0')}x`);
      expect(digitsAt(buffer, 1)).toBe(value);
    }),
  );
});

test('statusAt reads the status of a response', () => {
  expect(statusAt(Buffer.from('HTTP/1.1 503 Service Unavailable\r\n'), 0)).toBe(503);
});

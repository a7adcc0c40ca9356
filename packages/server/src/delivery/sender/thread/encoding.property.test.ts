import type { FailureCode } from '@posthorn/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Exchange, OutgoingRequest } from '../exchange.ts';
import { readExchange, readRequest, writeExchange, writeRequest } from './encoding.ts';
import { PacketReader, PacketWriter } from './packet.ts';

const text = fc.string({ unit: 'binary' });
const headers = fc.array(fc.tuple(text, text), { maxLength: 8 });
const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

const request: fc.Arbitrary<OutgoingRequest> = fc.record({
  url: text,
  method: fc.constantFrom('POST', 'GET'),
  headers,
  body: fc.option(body),
  timeoutMs: fc.nat(),
  organizationKey: fc.nat(),
  webhookId: text,
});

const exchange: fc.Arbitrary<Exchange> = fc.record({
  durationMs: fc.nat(),
  response: fc.option(fc.record({ status: fc.integer({ min: 200, max: 599 }), headers, body, truncated: fc.boolean() })),
  failure: fc.option(fc.record({ code: fc.constantFrom<FailureCode>('dns', 'timeout', 'reset'), message: text })),
});

/** As from one thread to the other. */
function sent(writer: PacketWriter): PacketReader {
  const packet = writer.take();
  return new PacketReader(structuredClone(packet, { transfer: [packet.bytes] }));
}

it('requests are read as they were written, in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.array(request, { maxLength: 5 }), { maxLength: 4 }), (packets) => {
      const writer = new PacketWriter();
      for (const requests of packets) {
        for (const [slot, one] of requests.entries()) writeRequest(writer, slot, one);
        expect(writer.isEmpty).toBe(requests.length === 0);
        const reader = sent(writer);
        expect(requests.map(() => readRequest(reader))).toEqual(requests.map((one, slot) => ({ slot, request: one })));
        expect(reader.isAtEnd).toBe(true);
      }
    }),
  );
});

it('exchanges are read as they were written, in their order', () => {
  fc.assert(
    fc.property(fc.array(fc.option(exchange), { maxLength: 8 }), (exchanges) => {
      const writer = new PacketWriter();
      for (const [slot, one] of exchanges.entries()) writeExchange(writer, slot, one);
      const reader = sent(writer);
      expect(exchanges.map(() => readExchange(reader))).toEqual(exchanges.map((one, slot) => ({ slot, exchange: one })));
      expect(reader.isAtEnd).toBe(true);
    }),
  );
});

it('reading past the end of a packet throws', () => {
  const writer = new PacketWriter();
  writer.number(1);
  const reader = sent(writer);
  expect(reader.number()).toBe(1);
  expect(() => reader.number()).toThrow('A packet between threads ended early.');
  expect(() => reader.text()).toThrow('A packet between threads ended early.');
});

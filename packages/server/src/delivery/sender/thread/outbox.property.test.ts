import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Outbox } from './outbox.ts';
import { PacketReader, type Packet } from './packet.ts';

const turns = fc.array(fc.array(fc.nat(), { maxLength: 300 }), { minLength: 1, maxLength: 4 });

it('everything written arrives in order, at the end of the turn at the latest, in packets of a quarter of what is under way', async () => {
  await fc.assert(
    fc.asyncProperty(turns, fc.nat({ max: 1_000 }), async (written, underWay) => {
      const packets: number[][] = [];
      const outbox = new Outbox({ post: (packet) => packets.push(numbersOf(packet)), underWay: () => underWay });
      for (const [turn, numbers] of written.entries()) {
        for (const number of numbers) outbox.open().number(number);
        await new Promise((resolve) => setImmediate(resolve));
        expect(packets.flat()).toEqual(written.slice(0, turn + 1).flat());
      }
      const full = Math.max(32, Math.ceil(underWay / 4));
      expect(Math.max(0, ...packets.map((packet) => packet.length))).toBeLessThanOrEqual(full);
      // No more packets than necessary: full ones, and the rest of each turn.
      const needed = written.reduce((count, numbers) => count + Math.ceil(numbers.length / full), 0);
      expect(packets).toHaveLength(needed);
    }),
  );
});

it('a flush sends what was written, and nothing is sent twice', async () => {
  const packets: number[][] = [];
  const outbox = new Outbox({ post: (packet) => packets.push(numbersOf(packet)), underWay: () => 1 });
  outbox.open().number(1);
  outbox.flush();
  outbox.flush();
  expect(packets).toEqual([[1]]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(packets).toEqual([[1]]);
});

function numbersOf(packet: Packet): number[] {
  const reader = new PacketReader(packet);
  const numbers: number[] = [];
  while (!reader.isAtEnd) numbers.push(reader.number());
  return numbers;
}

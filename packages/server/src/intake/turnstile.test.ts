import { PosthornError } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { eventually } from '../../test-support/eventually.ts';
import { Turnstile } from './turnstile.ts';

/** A store that holds a few, and lets them go when told. */
function place({ room, maxBytes }: { room: number; maxBytes?: number }) {
  const inside: string[] = [];
  const turnstile = new Turnstile({ isFull: () => inside.length >= room, ...(maxBytes === undefined ? {} : { maxBytes }) });
  return {
    inside,
    come: (name: string, bytes = 1) => turnstile.enter(bytes, () => inside.push(name)),
    leave(count: number) {
      inside.splice(0, count);
      turnstile.turn();
    },
  };
}

test('while there is room everybody goes in at once', () => {
  const { inside, come } = place({ room: 2 });
  come('a');
  come('b');
  expect(inside).toEqual(['a', 'b']);
});

test('those who wait go in as others leave, in the order in which they came', async () => {
  const { inside, come, leave } = place({ room: 2 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) come(name);
  expect(inside).toEqual(['a', 'b']);
  leave(1);
  come('f');
  await eventually(() => expect(inside).toEqual(['b', 'c']));
  leave(2);
  await eventually(() => expect(inside).toEqual(['d', 'e']));
  leave(2);
  await eventually(() => expect(inside).toEqual(['f']));
});

test('what is let through together is bounded, and more follows without being asked', async () => {
  const { inside, come, leave } = place({ room: 100 });
  for (let count = 0; count < 100; count++) come(`first ${count}`);
  for (let count = 0; count < 10; count++) come(`large ${count}`, 40_000);
  leave(100);
  await new Promise((resolve) => setImmediate(resolve));
  expect(inside).toEqual(['large 0', 'large 1']);
  await eventually(() => expect(inside).toHaveLength(10));
});

test('where too much waits, the next is turned away and told when to come again; one alone is never too large', () => {
  const { come } = place({ room: 0, maxBytes: 10 });
  come('alone', 11);
  expect(() => come('more', 1)).toThrow(PosthornError);
  const { come: small } = place({ room: 0, maxBytes: 10 });
  small('a', 5);
  small('b', 5);
  expect(() => small('c', 1)).toThrow(expect.objectContaining({ code: 'overloaded', retryAfterSeconds: 1 }));
});

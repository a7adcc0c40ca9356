import { expect, test } from 'vitest';
import { ReadShares } from './read-share.ts';

const state = async (promise: Promise<unknown>): Promise<string> =>
  Promise.race([promise.then(() => 'entered'), new Promise<string>((resolve) => setImmediate(() => resolve('waits')))]);

test('an organization reads two lists at a time; the next waits for one of them, in order', async () => {
  const shares = new ReadShares();
  await shares.enter(1);
  await shares.enter(1);
  const third = shares.enter(1);
  const fourth = shares.enter(1);
  expect([await state(third), await state(fourth)]).toEqual(['waits', 'waits']);
  shares.leave(1);
  expect([await state(third), await state(fourth)]).toEqual(['entered', 'waits']);
  shares.leave(1);
  expect(await state(fourth)).toBe('entered');
});

test('other organizations do not wait', async () => {
  const shares = new ReadShares();
  for (const key of [1, 1, 2, 2, 3]) expect(await state(shares.enter(key))).toBe('entered');
  expect(await state(shares.enter(1).catch(() => {}))).toBe('waits');
});

test('a read that has ended makes room again', async () => {
  const shares = new ReadShares();
  for (let n = 0; n < 10; n++) {
    await shares.enter(1);
    await shares.enter(1);
    shares.leave(1);
    shares.leave(1);
  }
  expect(await state(shares.enter(1))).toBe('entered');
});

test('with a hundred waiting, one more is refused at once; those that wait are refused after two seconds', async () => {
  const shares = new ReadShares();
  await shares.enter(1);
  await shares.enter(1);
  const waiting = Array.from({ length: 100 }, () => shares.enter(1));
  await expect(shares.enter(1)).rejects.toMatchObject({ code: 'query_timeout', retryAfterSeconds: 1 });
  const ends = await Promise.allSettled(waiting);
  expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
  shares.leave(1);
  expect(await state(shares.enter(1))).toBe('entered');
});

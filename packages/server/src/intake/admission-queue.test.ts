import { PosthornError } from '@posthorn/protocol';
import { expect, test } from 'vitest';
import { eventually } from '../../test-support/eventually.ts';
import { AdmissionQueue } from './admission-queue.ts';

/** A store with room for a few requests, and a clock that the test moves. */
function store({ room }: { room: number }) {
  const clock = { ms: 0 };
  const inside: string[] = [];
  const refused: [name: string, code: string, retryAfterSeconds: number | null][] = [];
  const queue = new AdmissionQueue({ isFull: () => inside.length >= room, now: () => clock.ms });
  return {
    clock,
    queue,
    inside,
    refused,
    enter(name: string, { bytes = 1, organization = 1, isGone = (): boolean => false } = {}): void {
      const decide = (decision: unknown): void => {
        if (decision instanceof PosthornError) refused.push([name, decision.code, decision.retryAfterSeconds]);
        else inside.push(name);
      };
      const line = queue.announce(organization, bytes);
      if (line instanceof PosthornError) decide(line);
      else queue.enter({ line, bytes, isGone, decide }, bytes);
    },
    leave(count: number): void {
      inside.splice(0, count);
      queue.turn();
    },
  };
}

test('requests enter at once while there is room', () => {
  const { inside, enter } = store({ room: 2 });
  enter('a');
  enter('b');
  expect(inside).toEqual(['a', 'b']);
});

test('waiting requests enter in order of arrival as others leave', async () => {
  const { inside, enter, leave } = store({ room: 2 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) enter(name);
  expect(inside).toEqual(['a', 'b']);
  leave(1);
  enter('f');
  await eventually(() => expect(inside).toEqual(['b', 'c']));
  leave(2);
  await eventually(() => expect(inside).toEqual(['d', 'e']));
  leave(2);
  await eventually(() => expect(inside).toEqual(['f']));
});

test('the bytes that enter at once are bounded, and further requests follow without a call', async () => {
  const { inside, enter, leave } = store({ room: 100 });
  for (let count = 0; count < 100; count++) enter(`first ${count}`);
  for (let count = 0; count < 10; count++) enter(`large ${count}`, { bytes: 40_000 });
  leave(100);
  await new Promise((resolve) => setImmediate(resolve));
  expect(inside).toEqual(['large 0', 'large 1']);
  await eventually(() => expect(inside).toHaveLength(10));
});

test('organizations take turns by bytes: one that sends a lot does not delay one that sends little', async () => {
  const { inside, enter, leave } = store({ room: 1 });
  enter('first');
  for (let count = 0; count < 20; count++) enter(`heavy ${count}`, { bytes: 60_000 });
  for (let count = 0; count < 20; count++) enter(`light ${count}`, { organization: 2, bytes: 1_000 });
  const order: string[] = [];
  for (let count = 0; count < 30; count++) {
    leave(1);
    await eventually(() => expect(inside).toHaveLength(1));
    order.push(...inside);
  }
  expect(order.filter((name) => name.startsWith('light'))).toHaveLength(20);
});

test('a request that has waited for 1.5 seconds is refused and never enters', async () => {
  const { clock, inside, refused, enter, leave } = store({ room: 1 });
  enter('first');
  enter('early');
  clock.ms = 1_000;
  enter('late', { organization: 2 });
  clock.ms = 1_500;
  await eventually(() => expect(refused).toEqual([['early', 'overloaded', 1]]));
  clock.ms = 2_499;
  leave(1);
  await eventually(() => expect(inside).toEqual(['late']));
  leave(1);
  enter('next');
  expect(inside).toEqual(['next']);
  expect(refused).toHaveLength(1);
});

test('a request with too long an expected wait is refused on arrival, but not one of another organization', async () => {
  const { clock, inside, refused, enter, leave } = store({ room: 1 });
  enter('first');
  for (let count = 0; count < 10; count++) enter(`waits ${count}`, { bytes: 1_000 });
  // One in 200 ms: five bytes a millisecond.
  clock.ms = 200;
  leave(1);
  await eventually(() => expect(inside).toEqual(['waits 0']));
  enter('too late', { bytes: 1_000 });
  expect(refused).toEqual([['too late', 'overloaded', 2]]);
  enter('other', { organization: 2, bytes: 1_000 });
  expect(refused).toHaveLength(1);
});

test('bodies being received count: the next one is refused before it is read', async () => {
  const { clock, queue, enter, leave, inside } = store({ room: 1 });
  enter('first');
  for (let count = 0; count < 4; count++) enter(`waits ${count}`, { bytes: 1_000 });
  clock.ms = 200;
  leave(1);
  await eventually(() => expect(inside).toEqual(['waits 0']));
  const line = queue.announce(1, 2_000);
  expect(line).not.toBeInstanceOf(PosthornError);
  expect(queue.announce(1, 1)).toMatchObject({ code: 'overloaded', retryAfterSeconds: 2 });
  if (!(line instanceof PosthornError)) queue.withdraw(line, 2_000);
  expect(queue.announce(1, 1)).not.toBeInstanceOf(PosthornError);
});

test('a request whose client has disconnected does not enter', async () => {
  const { inside, refused, enter, leave } = store({ room: 1 });
  let gone = false;
  enter('first');
  enter('gone', { isGone: () => gone });
  enter('stays');
  gone = true;
  leave(1);
  await eventually(() => expect(inside).toEqual(['stays']));
  expect(refused).toEqual([['gone', 'request_timeout', null]]);
});

test('an organization with a full store queue does not block the others', async () => {
  const full = new Set([1]);
  const inside: string[] = [];
  const queue = new AdmissionQueue({ isFull: (organization) => full.has(organization), now: () => 0 });
  const enter = (name: string, organization: number): void => {
    const line = queue.announce(organization, 1);
    if (line instanceof PosthornError) throw line;
    queue.enter({ line, bytes: 1, isGone: () => false, decide: () => inside.push(name) }, 1);
  };
  enter('1a', 1);
  enter('1b', 1);
  enter('2a', 2);
  expect(inside).toEqual(['2a']);
  full.add(2);
  enter('2b', 2);
  full.delete(2);
  queue.turn();
  await eventually(() => expect(inside).toEqual(['2a', '2b']));
  full.clear();
  queue.turn();
  await eventually(() => expect(inside).toEqual(['2a', '2b', '1a', '1b']));
});

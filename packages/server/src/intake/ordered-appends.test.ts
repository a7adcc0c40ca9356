import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { NewEvent } from '../store/event-log.ts';
import { OrderedAppends } from './ordered-appends.ts';

function event(organizationKey: number, ordered: boolean): NewEvent {
  return {
    organizationKey,
    ordered,
    organizationVersion: 1,
    id: '',
    shard: 0,
    claimedBy: null,
    type: 'a.b',
    scope: null,
    subjectKind: null,
    subjectId: null,
    externalId: null,
    test: false,
    sender: null,
    data: null,
    dataStart: null,
    dataLength: null,
    body: Buffer.alloc(0),
    webhookIds: [],
  };
}

/** Appends that the test ends. */
function stage() {
  const appends = new OrderedAppends();
  const begun: string[] = [];
  const open = new Map<string, PromiseWithResolvers<string>>();
  const run = (name: string, events: readonly NewEvent[]): Promise<string> =>
    appends.run(events, () => {
      begun.push(name);
      const ends = Promise.withResolvers<string>();
      open.set(name, ends);
      return ends.promise;
    });
  const end = async (name: string): Promise<void> => {
    open.get(name)?.resolve(name);
    await turn();
  };
  const fail = async (name: string): Promise<void> => {
    open.get(name)?.reject(new Error('The database is away.'));
    await turn();
  };
  return { run, begun, end, fail };
}

test('appends with ordered events of one organization run one at a time, in order of arrival', async () => {
  const { run, begun, end } = stage();
  const results = ['first', 'second', 'third'].map((name) => run(name, [event(1, true), event(2, false)]));
  expect(begun).toEqual(['first']);
  await end('first');
  expect(begun).toEqual(['first', 'second']);
  await end('second');
  await end('third');
  expect(await Promise.all(results)).toEqual(['first', 'second', 'third']);
});

test('other organizations and unordered events do not wait', () => {
  const { run, begun } = stage();
  void run('ordered', [event(1, true)]);
  void run('other', [event(2, true)]);
  void run('unordered', [event(1, false)]);
  expect(begun).toEqual(['ordered', 'other', 'unordered']);
});

test('an append of several organizations waits for the earlier appends of each', async () => {
  const { run, begun, end } = stage();
  void run('one', [event(1, true)]);
  void run('two', [event(2, true)]);
  void run('both', [event(1, true), event(2, true)]);
  await end('one');
  expect(begun).toEqual(['one', 'two']);
  await end('two');
  expect(begun).toEqual(['one', 'two', 'both']);
});

test('a failed append does not block later ones', async () => {
  const { run, begun, end, fail } = stage();
  const failed = run('first', [event(1, true)]).catch((error: unknown) => error);
  const second = run('second', [event(1, true)]);
  await fail('first');
  expect(await failed).toEqual(new Error('The database is away.'));
  expect(begun).toEqual(['first', 'second']);
  await end('second');
  expect(await second).toBe('second');
});

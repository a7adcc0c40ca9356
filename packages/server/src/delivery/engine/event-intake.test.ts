import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { LoggedEvent } from '../../intake/log-owner.ts';
import { EventIntake } from './event-intake.ts';
import { OwnedShard } from './owned-shard.ts';

function logged(id: string, xid: number, more: Partial<LoggedEvent> = {}): LoggedEvent {
  const subject = { subjectKind: 'thing', subjectId: 'x' };
  const names = { type: 'a.b', externalId: null, test: false };
  return { organizationKey: 1, id, xid, shard: 1, ...subject, ...names, body: Buffer.from('{}'), webhookIds: ['webhook'], ...more };
}

/** An intake for which every organization has to be read: it is read when the test says so, and gone then. */
function stage() {
  const shard = new OwnedShard({ id: 1, epoch: 1, lowWater: 0 }, { bytes: 0 });
  shard.readFrom = null;
  const reads = new Map<number, () => void>();
  const offered: string[] = [];
  let isOnlySource = false;
  let heldBack = 0;
  const intake = new EventIntake({
    directory: { peek: () => undefined, invalidate: () => {} },
    readTenant: (key) => new Promise((resolve) => reads.set(key, () => resolve(null))),
    isOnlySource: () => isOnlySource,
    onHeldBack: () => heldBack++,
    offer: (_tenant, { event }) => offered.push(event.id),
  });
  const read = async (key = 1): Promise<void> => {
    for (let answer = reads.get(key); answer; answer = reads.get(key)) {
      reads.delete(key);
      answer();
      await turn();
    }
  };
  return { shard, intake, offered, read, beAlone: () => (isOnlySource = true), heldBack: () => heldBack };
}

test('events of an organization that is being read wait for it in their order; those of others do not', async () => {
  const { shard, intake, offered, read, beAlone } = stage();
  beAlone();
  for (const [n, id] of ['a', 'b', 'c'].entries()) intake.takeCommitted(shard, logged(id, 10 + n));
  intake.takeCommitted(shard, logged('other', 13, { organizationKey: 2 }));
  await read(2);
  expect(offered).toEqual(['other']);
  await read(1);
  expect(offered).toEqual(['other', 'a', 'b', 'c']);
});

test('ordered events that are held back are released in commit order, in whatever order their answers came', async () => {
  const { shard, intake, offered, read, heldBack } = stage();
  intake.takeCommitted(shard, logged('c', 12));
  intake.takeCommitted(shard, logged('a', 10));
  intake.takeLogged(shard, logged('b', 11), ['webhook']);
  await read();
  expect(heldBack()).toBe(2);
  expect(offered).toEqual(['a', 'b']);
  intake.releaseBefore({ xid: 12, id: '' });
  await read();
  expect(offered).toEqual(['a', 'b']);
  intake.releaseBefore({ xid: 13, id: '' });
  await read();
  expect(offered).toEqual(['a', 'b', 'c']);
});

test('an event that is held back keeps the low-water mark below it, and is the next owner’s if the shard leaves', async () => {
  const { shard, intake, offered, read } = stage();
  intake.takeCommitted(shard, logged('a', 10));
  expect(shard.lowWater(1_000)).toBe(10);
  shard.leave(1_000);
  intake.releaseBefore({ xid: 1_000, id: '' });
  await read();
  expect(offered).toEqual([]);
  expect(shard.lowWater(1_000)).toBe(10);
});

test('an event without a subject is in no order and not held back, and one that no webhook takes is not kept', async () => {
  const { shard, intake, offered, read, heldBack } = stage();
  intake.takeCommitted(shard, logged('a', 10, { subjectKind: null, subjectId: null }));
  intake.takeCommitted(shard, logged('b', 5, { webhookIds: [] }));
  await read();
  expect(offered).toEqual(['a']);
  expect(heldBack()).toBe(0);
  expect(shard.lowWater(1_000)).toBe(10);
});

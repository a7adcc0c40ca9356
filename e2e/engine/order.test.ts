import { expect, test } from 'vitest';
import { startDatabaseLine } from '../../packages/server/test-support/database-line.ts';
import { testPostgres, testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { statement } from '../../packages/server/src/store/database.ts';
import { startNode, TestClock } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';
import { makeTenant } from '../harness/tenant.ts';

const RETRY = { kind: 'fixed', delayMs: 3_600_000, retries: 5, jitter: 0 };
const HOUR_MS = 3_600_000;

function stepsOf(receiver: Receiver, subject: string): number[] {
  return receiver.requests.flatMap(({ text }) => {
    const { data } = JSON.parse(text) as { data: { subject: string; step: number } };
    return data.subject === subject ? [data.step] : [];
  });
}

test('VIR-07 a failing event holds back only later events of its subject, and they follow in order', async () => {
  await using place = await testPostgresUrl();
  await using node = await startNode({ databaseUrl: place.url });
  await using receiver = await startReceiver(({ text }, index) => ({ status: text.includes('"a"') && index < 1 ? 500 : 200 }));
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
  const emit = (subject: string, step: number) =>
    tenant.emit('step.done', { subject, step }, { subject: { kind: 'execution', id: subject } });
  const first = await emit('a', 1);
  await tenant.settled(first.id, 'retrying', 1);
  const later = [await emit('a', 2), await emit('a', 3), await emit('b', 1), await emit('b', 2)];
  await tenant.settled(later[3]?.id ?? '', 'delivered');
  expect(stepsOf(receiver, 'a')).toEqual([1]);
  expect(stepsOf(receiver, 'b')).toEqual([1, 2]);
  node.clock.advance(HOUR_MS);
  for (const { id } of later) await tenant.settled(id, 'delivered', 1);
  expect(stepsOf(receiver, 'a')).toEqual([1, 1, 2, 3]);
});

test('a delivery that is due before the node learns of its release is neither spilled again nor skipped', async () => {
  await using place = await testPostgresUrl();
  await using line = await startDatabaseLine(place.url);
  await using node = await startNode({ databaseUrl: line.url });
  await using receiver = await startReceiver((_request, index) => ({ status: index === 0 ? 500 : 200 }));
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
  const emit = (step: number) => tenant.emit('step.done', { subject: 'a', step }, { subject: { kind: 'execution', id: 'a' } });
  const first = await emit(1);
  await tenant.settled(first.id, 'retrying', 1);
  const later = [await emit(2), await emit(3)];
  line.delayAnswersTo('release_behind', 300);
  node.clock.advance(HOUR_MS);
  for (const { id } of later) await tenant.settled(id, 'delivered', 1);
  expect(stepsOf(receiver, 'a')).toEqual([1, 1, 2, 3]);
});

test('an order is kept across a restart', async () => {
  await using place = await testPostgresUrl();
  const clock = new TestClock();
  await using receiver = await startReceiver({ status: 500 });
  const before = await startNode({ databaseUrl: place.url, clock });
  const tenant = await makeTenant(before);
  await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
  const subject = { kind: 'execution', id: 'a' };
  const first = await tenant.emit('step.done', { subject: 'a', step: 1 }, { subject });
  await tenant.settled(first.id, 'retrying', 1);
  await tenant.emit('step.done', { subject: 'a', step: 2 }, { subject });
  await before[Symbol.asyncDispose]();
  receiver.react({});
  await using after = await startNode({ databaseUrl: place.url, clock });
  const third = await after.call<{ id: string }>('POST', `${tenant.path}/events`, {
    type: 'step.done',
    data: { subject: 'a', step: 3 },
    subject,
  });
  clock.advance(HOUR_MS);
  await receiver.waitFor(4);
  expect(stepsOf(receiver, 'a')).toEqual([1, 1, 2, 3]);
  expect(third.id).toBeTruthy();
});

test('when the delivery that holds up an order is cancelled, the next one is sent', async () => {
  await using place = await testPostgresUrl();
  await using node = await startNode({ databaseUrl: place.url });
  await using receiver = await startReceiver((_request, index) => ({ status: index === 0 ? 500 : 200 }));
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
  const subject = { kind: 'execution', id: 'a' };
  const first = await tenant.emit('step.done', { subject: 'a', step: 1 }, { subject });
  const held = await tenant.settled(first.id, 'retrying', 1);
  const second = await tenant.emit('step.done', { subject: 'a', step: 2 }, { subject });
  await tenant.call('POST', `/deliveries/${held.id}/cancel`);
  await tenant.settled(second.id, 'delivered', 1);
  expect(stepsOf(receiver, 'a')).toEqual([1, 2]);
});

test('when the delivery that holds up an order is deleted, for example by the retention, the next one is sent', async () => {
  await using database = await testPostgres();
  await using node = await startNode({ databaseUrl: database.url, timing: { sweepMs: 10 } });
  await using receiver = await startReceiver((_request, index) => ({ status: index === 0 ? 500 : 200 }));
  const tenant = await makeTenant(node);
  await tenant.webhook({ url: receiver.url, ordered: true, retry: RETRY });
  const subject = { kind: 'execution', id: 'a' };
  const first = await tenant.emit('step.done', { subject: 'a', step: 1 }, { subject });
  await tenant.settled(first.id, 'retrying', 1);
  const second = await tenant.emit('step.done', { subject: 'a', step: 2 }, { subject });
  await tenant.settled(second.id, 'pending', 0);
  await database.query(statement('forget', `DELETE FROM waiting WHERE reason = 'retry'`));
  await tenant.settled(second.id, 'delivered', 1);
  expect(stepsOf(receiver, 'a')).toEqual([1, 2]);
});

test('a replay to an ordered webhook follows the order of the events, those of one millisecond too', async () => {
  await using place = await testPostgresUrl();
  await using node = await startNode({ databaseUrl: place.url });
  await using receiver = await startReceiver();
  const tenant = await makeTenant(node);
  const webhook = await tenant.webhook({ url: receiver.url, ordered: true });
  const steps = Array.from({ length: 80 }, (_, step) => step);
  const subject = { kind: 'execution', id: 'a' };
  const events = steps.map((step) => ({ type: 'step.done', data: { subject: 'a', step }, subject }));
  const since = new Date().toISOString();
  const { results } = await tenant.call<{ results: { id: string }[] }>('POST', '/events/batch', { events });
  await tenant.settled(results.at(-1)?.id ?? '', 'delivered', 1);
  await tenant.call('POST', `/webhooks/${webhook.id}/replay`, { since, status: 'delivered' });
  await receiver.waitFor(160, 60_000);
  expect(stepsOf(receiver, 'a')).toEqual([...steps, ...steps]);
});

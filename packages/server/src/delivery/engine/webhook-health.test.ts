import { pino } from 'pino';
import { expect, test } from 'vitest';
import { describeOnBothDatabases } from '../../../test-support/database.ts';
import { statement, type Database } from '../../store/database.ts';
import { shardOf } from '../../ids/shard.ts';
import { newId } from '../../ids/uuid-time.ts';
import { MemoryBudget } from './memory-budget.ts';
import { OwnedShard } from './owned-shard.ts';
import { WebhookHealth, type SentWebhook } from './webhook-health.ts';

const ORGANIZATION = statement(
  'test_organization',
  `INSERT INTO organizations (id, name, product) VALUES ('a', 'A', 'generic') RETURNING key`,
);
const WEBHOOK = statement(
  'test_webhook',
  `INSERT INTO webhooks (id, organization_key, url, events) VALUES ($1, $2, 'https://example.com/', '{*}')`,
);
const OWN = statement('test_own', 'UPDATE shards SET owner = $1');
const READ = statement('test_read', 'SELECT status, failing_since, missed_since FROM webhooks');
const NEW_VERSION = statement('test_version', 'UPDATE webhooks SET health_version = health_version + 1, failing_since = NULL');

const [FIRST, SECOND] = [1, 2];
const START = Date.UTC(2026, 0, 1);
const GONE = { notice: 'webhook.disabled', reason: 'Gone.', failingSince: null } as const;

async function stage(database: Database) {
  const [row] = await database.query<{ key: number }>(ORGANIZATION);
  const organizationKey = row?.key ?? 0;
  const webhook: SentWebhook = { id: newId(), organizationKey, healthVersion: 1, disableAfterMs: 1_000 };
  await database.query(WEBHOOK, [webhook.id, organizationKey]);
  const time = { now: START };
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  /** A node that takes over the organization's shard, with its own memory. */
  const own = async (nodeId: number) => {
    await database.query(OWN, [nodeId]);
    const shard = new OwnedShard({ id: shardOf(organizationKey), epoch: nodeId, lowWater: 0 }, new MemoryBudget());
    const options = { database, log, now: () => time.now, nodeId: () => nodeId, onFailed: () => {} };
    const health = new WebhookHealth({ ...options, saveMs: 3_600_000 });
    await health.adopt([shard]);
    return { health, shard };
  };
  const read = async () => (await database.query(READ))[0];
  return { webhook, time, own, read, lines };
}

describeOnBothDatabases('webhook health', (open) => {
  test('the next owner of the shard reads what the last one saved, and its success clears it', async () => {
    await using database = await open();
    const { webhook, own, read } = await stage(database);
    const first = await own(FIRST);
    first.health.failed(webhook, first.shard, START - 5_000);
    await first.health.stop();
    expect(await read()).toEqual({ status: 'active', failing_since: new Date(START), missed_since: new Date(START - 5_000) });
    const second = await own(SECOND);
    second.health.succeeded(webhook, second.shard);
    await second.health.stop();
    expect(await read()).toEqual({ status: 'active', failing_since: null, missed_since: null });
  });

  test('a node that has lost the shard saves nothing more', async () => {
    await using database = await open();
    const { webhook, own, read } = await stage(database);
    const first = await own(FIRST);
    first.health.failed(webhook, first.shard, null);
    const second = await own(SECOND);
    await first.health.stop();
    await second.health.stop();
    expect(await read()).toMatchObject({ failing_since: null });
  });

  test('a shard is not released before a success, and the health known when it leaves, are saved', async () => {
    await using database = await open();
    const { webhook, time, own, read } = await stage(database);
    const { health, shard } = await own(FIRST);
    health.failed(webhook, shard, null);
    health.close([shard]);
    expect(shard.isQuiet).toBe(false);
    await health.save();
    expect(shard.isQuiet).toBe(true);
    expect(await read()).toMatchObject({ failing_since: new Date(START) });
    health.succeeded(webhook, shard);
    expect(shard.isQuiet).toBe(false);
    await health.save();
    expect(await read()).toMatchObject({ failing_since: null });
    time.now += 5_000;
    expect(health.failed(webhook, shard, null)).toBeNull();
    await health.stop();
  });

  test('an attempt sent under an earlier version counts neither as a failure nor as a success', async () => {
    await using database = await open();
    const { webhook, time, own, read } = await stage(database);
    const { health, shard } = await own(FIRST);
    health.failed(webhook, shard, null);
    await database.query(NEW_VERSION);
    await health.markFailed(webhook, GONE);
    expect(await read()).toMatchObject({ status: 'active', failing_since: null });
    const changed = { ...webhook, healthVersion: 2 };
    time.now += 5_000;
    expect(health.failed(changed, shard, null)).toBeNull();
    expect(health.failed(webhook, shard, null)).toBeNull();
    health.succeeded(webhook, shard);
    await health.save();
    expect(await read()).toMatchObject({ failing_since: new Date(START + 5_000) });
    await health.stop();
  });

  test('a webhook that fails for as long as its product allows is marked failed, but not if the database has seen a success', async () => {
    await using database = await open();
    const { webhook, time, own, read } = await stage(database);
    const first = await own(FIRST);
    first.health.failed(webhook, first.shard, null);
    await first.health.save();
    const second = await own(SECOND);
    second.health.succeeded(webhook, second.shard);
    await second.health.save();
    time.now += 5_000;
    // The first node has not yet noticed that it lost its shard.
    const stale = first.health.failed(webhook, first.shard, null);
    expect(stale).toMatchObject({ notice: 'webhook.disabled', failingSince: new Date(START) });
    if (stale) await first.health.markFailed(webhook, stale);
    expect(await read()).toMatchObject({ status: 'active' });
    expect(second.health.failed(webhook, second.shard, null)).toBeNull();
    time.now += 1_000;
    const due = second.health.failed(webhook, second.shard, START);
    if (due) await second.health.markFailed(webhook, due);
    expect(await read()).toEqual({ status: 'failed', failing_since: new Date(START + 5_000), missed_since: new Date(START) });
    await Promise.all([first.health.stop(), second.health.stop()]);
  });

  test('during a database outage nothing is lost and one line is logged', async () => {
    await using database = await open();
    const { webhook, own, read, lines } = await stage(database);
    const { health, shard } = await own(FIRST);
    health.failed(webhook, shard, null);
    await database.script('ALTER TABLE shards RENAME TO away');
    for (let n = 0; n < 5; n++) await health.save();
    expect(lines).toEqual([expect.stringContaining('Failed to save webhook health')]);
    await database.script('ALTER TABLE away RENAME TO shards');
    await health.save();
    expect(await read()).toMatchObject({ failing_since: new Date(START) });
    await health.stop();
  });
});

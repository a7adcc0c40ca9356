import { expect, test } from 'vitest';
import { describeOnBothDatabases, type TestDatabase } from '../../../test-support/database.ts';
import { SCAN_ROWS } from '../../store/bounded-scan.ts';
import { statement } from '../../store/database.ts';
import { listEvents } from '../../store/event-queries.ts';
import { listObjects } from '../../store/objects.ts';
import { insertOrganization } from '../../store/organizations.ts';
import { decodeCursor, encodeCursor, pageFromScan, type Page } from '../pagination.ts';
import { idRange } from '../time-span.ts';
import { findDeliveries, type DeliveryFilter } from '../../deliveries/find-deliveries.ts';

/** More rows than a page scans. */
const COUNT = SCAN_ROWS + 5_000;
const EVERY = 6_000;
const WEBHOOK = '01900000-0000-7000-8000-000000000001';
const OTHER = '01900000-0000-7000-8000-000000000002';
const LOWEST = '00000000-0000-0000-0000-000000000000';
const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The events of one second: every 6,000th of a rare type, for a webhook of its own. */
async function withEvents(database: TestDatabase): Promise<number> {
  const organization = await insertOrganization(database, { id: 'acme', name: 'Acme', product: 'generic', timeZone: null, inbound: false });
  const key = organization?.key ?? 0;
  const start = Math.floor(Date.now() / 1_000) * 1_000;
  await database.script(`
    INSERT INTO events (organization_key, id, shard, type, body, webhook_ids)
    SELECT ${key}, (lpad(to_hex(${start} + i / 30), 12, '0') || '7' || lpad(to_hex(i % 30), 3, '0') || '8' || lpad(to_hex(i), 15, '0'))::uuid,
           ${key % 64}, CASE WHEN i % ${EVERY} = 0 THEN 'rare' ELSE 'common' END, '',
           ARRAY[CASE WHEN i % ${EVERY} = 0 THEN '${OTHER}' ELSE '${WEBHOOK}' END]::uuid[]
    FROM generate_series(1, ${COUNT}) AS i`);
  return key;
}

/** Reads all pages. Returns the length of each. */
async function allPages<Item>(read: (cursor: string | undefined) => Promise<Page<Item>>): Promise<{ items: Item[]; pages: number[] }> {
  const items: Item[] = [];
  const pages: number[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await read(cursor);
    items.push(...page.data);
    pages.push(page.data.length);
    if (page.nextCursor === null) return { items, pages };
    cursor = page.nextCursor;
  }
}

const id = ({ id: one }: { id: string }): string => one;

describeOnBothDatabases('lists that no index serves', (open) => {
  test('events of a rare type are found over several pages, and each page reads a bounded number of rows', async () => {
    await using database = await open();
    const organizationKey = await withEvents(database);
    const events = (type: string) =>
      allPages(async (cursor) => {
        const below = decodeCursor(cursor, () => true) ?? HIGHEST;
        const query = { organizationKey, from: LOWEST, below, type, scope: null, limit: 1_001 };
        return pageFromScan(await listEvents(database, query), 1_000, { item: (row) => row, position: id });
      });
    const rare = await events('rare');
    expect(rare.pages).toEqual([2, 0]);
    expect(rare.items.map(({ type }) => type)).toEqual(['rare', 'rare']);
    expect((await events('absent')).pages).toEqual([0, 0]);
    expect(new Set((await events('common')).items.map(id)).size).toBe(COUNT - 2);
  });

  test('with many unsettled events, every filter lists each delivery once, recorded or not', async () => {
    await using database = await open();
    const organizationKey = await withEvents(database);
    const all = (filter: Omit<DeliveryFilter, 'from' | 'below' | 'limit'>, limit = 1_000) =>
      allPages(async (cursor) => {
        const found = await findDeliveries(database, organizationKey, {
          ...filter,
          ...idRange({ ...(cursor && { cursor }) }),
          limit: limit + 1,
        });
        return pageFromScan(found, limit, { item: (row) => row, position: id });
      });
    const pending = await all({ status: 'pending' });
    expect(pending.items).toHaveLength(COUNT);
    // Some are recorded, so they are no longer pending.
    const delivered = pending.items.filter((_, index) => index % 10 === 0);
    await database.query(
      statement(
        'test_record',
        `INSERT INTO deliveries (organization_key, id, webhook_id, event_id, event_type, status, attempt_count)
         SELECT $1, unnest($2::uuid[]), unnest($3::uuid[]), unnest($4::uuid[]), unnest($5::text[]), 'delivered', 1`,
      ),
      [
        organizationKey,
        delivered.map(id),
        delivered.map((row) => row.webhook_id),
        delivered.map((row) => row.event_id),
        delivered.map((row) => row.event_type),
      ],
    );
    const every = await all({});
    expect(every.items.map(id)).toEqual(pending.items.map(id));
    expect((await all({ status: 'pending' })).items).toHaveLength(COUNT - delivered.length);
    expect((await all({ status: 'delivered' })).items.map(id)).toEqual(delivered.map(id));
    expect((await all({ webhook: OTHER })).items.map((row) => row.event_type)).toEqual(['rare', 'rare']);
    expect((await all({ type: 'absent' })).items).toEqual([]);
  });

  test('objects of a scope are found among objects of other scopes and deleted ones', async () => {
    await using database = await open();
    const organizationKey = await withEvents(database);
    await database.script(`
      INSERT INTO objects (organization_key, kind, scope_key, id, scope, state, version, created_at, updated_at)
      SELECT ${organizationKey}, kind, CASE kind WHEN 'scoped' THEN scope ELSE '' END, 'o' || lpad(i::text, 6, '0'), scope,
             CASE WHEN i % 2 = 0 THEN '{}' END, 1, now(), now()
      FROM generate_series(1, ${SCAN_ROWS + 100}) AS i, unnest(ARRAY['plain', 'scoped']) AS kind,
           LATERAL (SELECT CASE WHEN i > ${SCAN_ROWS} THEN 'late' ELSE 'early' END AS scope) AS scopes`);
    const objects = (kind: string, scope: string | null) =>
      allPages(async (cursor) => {
        const [scopeKey = '', last = ''] = cursor === undefined ? [] : Buffer.from(cursor, 'base64url').toString().split(' ');
        const query = { organizationKey, kind, after: { scopeKey, id: last }, scoped: kind === 'scoped', scope, limit: 251 };
        const found = await listObjects(database, query);
        return pageFromScan(found, 250, { item: (row) => row, position: (row) => `${row.scope_key} ${row.id}` });
      });
    expect((await objects('plain', 'late')).pages).toEqual([0, 50]);
    expect((await objects('scoped', 'late')).pages).toEqual([50]);
    expect((await objects('scoped', 'early')).items).toHaveLength(SCAN_ROWS / 2);
    expect((await objects('plain', null)).items).toHaveLength((SCAN_ROWS + 100) / 2);
  });
});

test('a page that stopped early has a cursor, and so does a full page', () => {
  const shown = { item: id, position: id };
  expect(pageFromScan({ rows: [{ id: 'b' }], stoppedAt: { id: 'a' } }, 2, shown)).toEqual({ data: ['b'], nextCursor: encodeCursor('a') });
  const full = [{ id: 'c' }, { id: 'b' }, { id: 'a' }];
  expect(pageFromScan({ rows: full, stoppedAt: { id: 'a' } }, 2, shown)).toEqual({ data: ['c', 'b'], nextCursor: encodeCursor('b') });
  expect(pageFromScan({ rows: [], stoppedAt: null }, 2, shown)).toEqual({ data: [], nextCursor: null });
});

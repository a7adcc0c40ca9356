import type { ProductDefinition } from '@posthorn/protocol';
import { beforeEach, expect, test } from 'vitest';
import { describeOnBothDatabases, type TestDatabase } from '../../test-support/database.ts';
import { Catalog } from '../catalog/catalog.ts';
import type { Database } from '../store/database.ts';
import { deleteOrganization, insertOrganization, updateOrganization } from '../store/organizations.ts';
import { createSealer } from '../sealing/sealer.ts';
import { Directory } from './directory.ts';
import { NO_ALLOWED_TARGETS } from '../network/target-address.ts';
import { Webhooks } from './webhooks.ts';

const PRODUCTS: readonly ProductDefinition[] = [
  { name: 'generic', anyEvent: true, events: {} },
  {
    name: 'shop',
    events: {
      'order-paid': { description: '', sample: {}, aliases: ['order_paid'] },
      'order-sent': { description: '', sample: {} },
    },
  },
];

/** A database that counts its queries. */
function counted(database: TestDatabase): { database: Database; asked: string[]; hold: (() => Promise<void>) | null } {
  const counter = { database, asked: [] as string[], hold: null as (() => Promise<void>) | null };
  const query: Database['query'] = async (statement, values) => {
    counter.asked.push(statement.name);
    const rows = await database.query<never>(statement, values);
    await counter.hold?.();
    return rows;
  };
  return Object.assign(counter, { database: { ...database, query } });
}

describeOnBothDatabases('Directory', (open) => {
  const sealer = createSealer(['a key']);
  let made: Awaited<ReturnType<typeof setUp>>;

  async function setUp() {
    const counter = counted(await open());
    const catalog = await Catalog.load(PRODUCTS);
    const directory = new Directory({ database: counter.database, catalog, sealer, maxEntries: 20 });
    const webhooks = new Webhooks({
      database: counter.database,
      reads: counter.database,
      directory,
      sealer,
      allowedTargets: NO_ALLOWED_TARGETS,
      now: Date.now,
    });
    const organization = async (id: string, product = 'generic') => {
      const row = await insertOrganization(counter.database, { id, name: id, product, inbound: false, timeZone: null });
      return row?.key ?? 0;
    };
    const tenant = async (id: string) => (await directory.find(id)) ?? Promise.reject(new Error(`There is no ${id}.`));
    const webhook = async (id: string, input: object = {}) =>
      (await webhooks.create(await tenant(id), { url: 'https://example.com/', events: ['*'], ...input })).webhook.id;
    return { ...counter, counter, directory, webhooks, organization, tenant, webhook };
  }

  beforeEach(async () => {
    made = await setUp();
    return async () => made.database.close();
  });

  test('look-ups in one turn share one read, and are then cached', async () => {
    const { directory, organization, asked } = made;
    const keys = await Promise.all(['a', 'b', 'c'].map((id) => organization(id)));
    asked.length = 0;
    const found = await Promise.all([directory.find('a'), directory.find('b'), directory.find('a'), directory.findByKey(keys[2] ?? 0)]);
    expect(found.map((tenant) => tenant?.organization.id)).toEqual(['a', 'b', 'a', 'c']);
    expect(asked).toEqual(['organizations_by_id', 'organizations_by_key', 'webhooks_of_organizations']);
    await directory.find('c');
    expect(directory.peek(keys[0] ?? 0)?.organization.id).toBe('a');
    expect(asked).toHaveLength(3);
  });

  test('missing, deleted and impossible organizations are null', async () => {
    const { directory, organization, database, asked } = made;
    const key = await organization('gone');
    await deleteOrganization(database, key);
    asked.length = 0;
    expect(await Promise.all(['gone', 'never', '', 'a\0', 'x'.repeat(129)].map((id) => directory.find(id)))).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(await directory.findByKey(key)).toBeNull();
    expect(asked.filter((name) => name === 'organizations_by_id')).toHaveLength(1);
  });

  test('an organization whose product is not loaded is null', async () => {
    const { directory, organization } = made;
    await organization('odd', 'unheard-of');
    expect(await directory.find('odd')).toBeNull();
  });

  test('an event matches by type, alias and scope; paused webhooks match, failed ones do not', async () => {
    const { organization, tenant, webhook, database, directory } = made;
    const key = await organization('acme', 'shop');
    const all = await webhook('acme');
    const alias = await webhook('acme', { events: ['order_*'] });
    const scoped = await webhook('acme', { events: ['order-*'], scope: 'project:1' });
    const paused = await webhook('acme', { events: ['order-sent'], status: 'paused' });
    const failed = await webhook('acme');
    await database.script(`UPDATE webhooks SET status = 'failed' WHERE id = '${failed}'`);
    directory.invalidate(key);
    const { match, wants, webhooks } = bound(await tenant('acme'));
    const ids = (type: string, scope: string | null) => match(type, scope).map(({ id }) => id);
    expect(ids('order-paid', null)).toEqual([all, alias]);
    expect(ids('order-paid', 'project:1')).toEqual([all, alias, scoped]);
    expect(ids('order-paid', 'project:2')).toEqual([all, alias]);
    expect(ids('order-sent', null)).toEqual([all, paused]);
    expect(ids('order-sent', null)).toEqual([all, paused]);
    const missed = webhooks.get(failed);
    expect(missed && wants(missed, 'order-paid', null)).toBe(true);
  });

  test('arbitrary event types match without growing the cache beyond its bound', async () => {
    const { organization, tenant, webhook } = made;
    await organization('acme');
    const id = await webhook('acme', { events: ['type.*'] });
    const { match } = bound(await tenant('acme'));
    for (let n = 0; n < 1_000; n++) expect(match(`type.${n}`, null)).toHaveLength(1);
    expect(match('other', null)).toEqual([]);
    expect(match('type.7', 'any:scope').map((one) => one.id)).toEqual([id]);
  });

  test('a change applies at once on this node, with a new version', async () => {
    const { organization, tenant, webhook } = made;
    await organization('acme');
    const before = await tenant('acme');
    const id = await webhook('acme');
    const after = await tenant('acme');
    expect(before.webhooks.size).toBe(0);
    expect([...after.webhooks.keys()]).toEqual([id]);
    expect(after.version).toBeGreaterThan(before.version);
    expect([before.isCurrent, after.isCurrent]).toEqual([false, true]);
  });

  test('an organization that changes during its read is returned but not cached', async () => {
    const { organization, counter, directory, database } = made;
    const [key] = [await organization('acme'), await organization('other')];
    counter.hold = async () => {
      counter.hold = null;
      await updateOrganization(database, key, { name: 'Changed' });
      directory.invalidate(key);
    };
    await Promise.all([directory.find('acme'), directory.find('other')]);
    expect(directory.peek(key)).toBeUndefined();
    expect(directory.peek(key + 1)).toBeDefined();
    expect((await directory.find('acme'))?.organization.name).toBe('Changed');
    counter.hold = async () => {
      counter.hold = null;
      directory.clear();
    };
    await directory.reload(key);
    expect(directory.peek(key)).toBeUndefined();
  });

  test('the number of cached organizations and webhooks is bounded', async () => {
    const { organization, directory, webhook } = made;
    const keys: number[] = [];
    for (let n = 0; n < 6; n++) {
      keys.push(await organization(`org-${n}`));
      for (let count = 0; count < 5; count++) await webhook(`org-${n}`);
      await directory.find(`org-${n}`);
    }
    expect(keys.filter((key) => directory.peek(key))).toEqual(keys.slice(-3));
    expect((await directory.find('org-0'))?.webhooks.size).toBe(5);
  });

  test('a failed read rejects its own look-ups, but no later ones', async () => {
    const { directory, counter, organization } = made;
    await organization('acme');
    counter.hold = async () => {
      counter.hold = null;
      throw new Error('connection lost');
    };
    await expect(directory.find('acme')).rejects.toThrow('connection lost');
    expect(await directory.find('acme')).not.toBeNull();
  });
});

function bound(tenant: NonNullable<Awaited<ReturnType<Directory['find']>>>) {
  return { match: tenant.match.bind(tenant), wants: tenant.wants.bind(tenant), webhooks: tenant.webhooks };
}

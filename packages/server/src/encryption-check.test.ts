import { describe, expect, test } from 'vitest';
import { describeOnBothDatabases, testPostgres } from '../test-support/database.ts';
import { checkEncryptionKeys } from './encryption-check.ts';
import { StartError } from './start-error.ts';
import type { Database } from './store/database.ts';
import { readKeyCheck } from './store/key-check.ts';
import { insertOrganization } from './store/organizations.ts';
import { createSealer, type Sealer } from './sealing/sealer.ts';
import { newId } from './ids/uuid-time.ts';
import { insertWebhook } from './store/webhooks.ts';
import { sealHeaders, sealSecrets } from './tenancy/webhook-secrets.ts';
import { plainSettings } from './tenancy/webhook-settings.ts';

const old = createSealer(['old key']);
const rotated = createSealer(['new key', 'old key']);
const fresh = createSealer(['new key']);
const SHARED = { alone: false };
const ALONE = { alone: true };

async function addWebhook(database: Database, sealer: Sealer, sealed: 'secret' | 'header'): Promise<void> {
  const organization = await insertOrganization(database, { id: newId(), name: 'A', product: 'generic', inbound: false, timeZone: null });
  const id = newId();
  const secrets = sealed === 'secret' ? sealSecrets(id, [{ secret: 'a secret', expiresAt: null }], sealer) : null;
  const headers = sealed === 'header' ? sealHeaders(id, { 'X-A': 'a' }, sealer) : null;
  const settings = { ...plainSettings({ url: 'https://example.com/', events: ['*'] }), secrets, headers };
  await insertWebhook(database, { id, organizationKey: organization?.key ?? 0, status: 'active', settings });
}

describeOnBothDatabases('checkEncryptionKeys', (open) => {
  test('once a database is used with a key, another is refused, but a rotation is accepted', async () => {
    await using database = await open();
    await checkEncryptionKeys(database, { sealer: old, ...SHARED });
    await expect(checkEncryptionKeys(database, { sealer: fresh, ...SHARED })).rejects.toThrow(StartError);
    await checkEncryptionKeys(database, { sealer: createSealer(['old key', 'new key']), ...SHARED });
    await checkEncryptionKeys(database, { sealer: rotated, ...SHARED });
    await checkEncryptionKeys(database, { sealer: fresh, ...SHARED });
    await expect(checkEncryptionKeys(database, { sealer: old, ...SHARED })).rejects.toThrow(
      'The encryption key does not match this database',
    );
  });

  test.each(['secret', 'header'] as const)('a database of an earlier version is checked by a %s encrypted in it', async (sealed) => {
    await using database = await open();
    await addWebhook(database, old, sealed);
    await expect(checkEncryptionKeys(database, { sealer: fresh, ...ALONE })).rejects.toThrow(StartError);
    await expect(checkEncryptionKeys(database, { sealer: null, ...ALONE })).rejects.toThrow('The encryption key is missing');
    expect(await readKeyCheck(database)).toBe(null);
    await checkEncryptionKeys(database, { sealer: rotated, ...ALONE });
    await checkEncryptionKeys(database, { sealer: fresh, ...ALONE });
  });

  test('an embedded server may change its key until something is encrypted', async () => {
    await using database = await open();
    await checkEncryptionKeys(database, { sealer: null, ...ALONE });
    await checkEncryptionKeys(database, { sealer: old, ...ALONE });
    await checkEncryptionKeys(database, { sealer: null, ...ALONE });
    await checkEncryptionKeys(database, { sealer: fresh, ...ALONE });
    await addWebhook(database, fresh, 'secret');
    await expect(checkEncryptionKeys(database, { sealer: old, ...ALONE })).rejects.toThrow(StartError);
    await expect(checkEncryptionKeys(database, { sealer: null, ...ALONE })).rejects.toThrow('The encryption key is missing');
  });
});

describe('checkEncryptionKeys on nodes that start together', () => {
  test('of two nodes with different keys one starts', async () => {
    await using database = await testPostgres();
    const results = await Promise.allSettled([old, fresh].map((sealer) => checkEncryptionKeys(database, { sealer, ...SHARED })));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

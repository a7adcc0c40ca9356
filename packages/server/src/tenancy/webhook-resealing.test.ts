import { expect, test } from 'vitest';
import { describeOnBothDatabases } from '../../test-support/database.ts';
import { insertOrganization } from '../store/organizations.ts';
import { createSealer, type Sealer } from '../sealing/sealer.ts';
import { newId } from '../ids/uuid-time.ts';
import { findWebhook, insertWebhook } from '../store/webhooks.ts';
import { openHeaders, openSecrets, sealHeaders, sealSecrets } from './webhook-secrets.ts';
import { plainSettings } from './webhook-settings.ts';
import { resealWebhooks } from './webhook-resealing.ts';

describeOnBothDatabases('resealWebhooks', (open) => {
  test('re-encrypts everything with the new key; webhooks that no key decrypts are reported and unchanged', async () => {
    await using database = await open();
    const organization = await insertOrganization(database, { id: 'a', name: 'A', product: 'generic', inbound: false, timeZone: null });
    const organizationKey = organization?.key ?? 0;

    const add = async (sealer: Sealer, parts: { secret?: string; header?: string }): Promise<string> => {
      const id = newId();
      const input = { url: 'https://example.com/', events: ['*'] };
      const secrets = sealSecrets(id, parts.secret === undefined ? [] : [{ secret: parts.secret, expiresAt: null }], sealer);
      const headers = sealHeaders(id, parts.header === undefined ? {} : { 'X-A': parts.header }, sealer);
      await insertWebhook(database, { id, organizationKey, status: 'active', settings: { ...plainSettings(input), secrets, headers } });
      return id;
    };
    const old = createSealer(['old key']);
    const both = createSealer(['new key', 'old key']);
    const alone = createSealer(['new key']);
    const full = await add(old, { secret: 'secret-1', header: 'header-1' });
    const headersOnly = await add(old, { header: 'header-2' });
    const current = await add(alone, { secret: 'secret-3' });
    const lost = await add(createSealer(['a lost key']), { secret: 'secret-4' });
    await add(old, {});

    expect(await resealWebhooks(database, both)).toEqual({ resealed: 2, unreadable: [lost] });
    const opened = async (id: string) => {
      const row = await findWebhook(database, id, organizationKey);
      return row && { secrets: openSecrets(row, alone).map(({ secret }) => secret), headers: openHeaders(row, alone) };
    };
    expect(await opened(full)).toEqual({ secrets: ['secret-1'], headers: { 'X-A': 'header-1' } });
    expect(await opened(headersOnly)).toEqual({ secrets: [], headers: { 'X-A': 'header-2' } });
    expect(await opened(current)).toEqual({ secrets: ['secret-3'], headers: {} });
    expect(await resealWebhooks(database, alone)).toEqual({ resealed: 0, unreadable: [lost] });
  });
});

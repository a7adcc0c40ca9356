import { generateSecret } from '@posthorn/protocol/signing';
import type pg from 'pg';
import { createSealer } from '../../../packages/server/src/sealing/sealer.ts';
import { newId } from '../../../packages/server/src/ids/uuid-time.ts';
import { sealSecrets } from '../../../packages/server/src/tenancy/webhook-secrets.ts';
import { ENCRYPTION_KEY } from '../environment/posthorn.ts';
import { ORGANIZATION_WIDTH, TYPE_WIDTH } from '../load/request-template.ts';
import type { Stage } from '../stage.ts';

export interface ManyOrganizations {
  readonly organizations: number;
  /** Each takes one event type, `bench-00` and on. */
  readonly webhooksEach: number;
  /** The n-th webhook gets the URL n modulo their number, followed by its organization. */
  readonly urls: readonly string[];
}

const WEBHOOKS = `
  INSERT INTO webhooks (id, organization_key, url, events, secrets)
  SELECT row.id, row.organization_key, row.url, ARRAY[row.type], row.secrets
  FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::bytea[]) AS row (id, organization_key, url, type, secrets)`;

const KEYS = `SELECT key FROM organizations WHERE id LIKE 'bench-%' ORDER BY key`;

/** Rows of webhooks that one statement inserts. */
const CHUNK = 5_000;

const ORGANIZATIONS = `
  INSERT INTO organizations (id, name, product)
  SELECT 'bench-' || lpad(number::text, $2, '0'), 'Organization ' || number, 'generic' FROM generate_series(0, $1 - 1) AS one (number)`;

/** Makes organizations with webhooks straight in the tables. */
export async function seedOrganizations(stage: Stage, { organizations, webhooksEach, urls }: ManyOrganizations): Promise<void> {
  const client: pg.Client = stage.database.client;
  await client.query(ORGANIZATIONS, [organizations, ORGANIZATION_WIDTH]);
  const { rows } = await client.query<{ key: number }>(KEYS);
  const webhooks = rows.flatMap(({ key }) =>
    Array.from({ length: webhooksEach }, (_, type) => newWebhook({ key, type, webhooksEach, urls })),
  );
  for (let at = 0; at < webhooks.length; at += CHUNK) {
    const chunk = webhooks.slice(at, at + CHUNK);
    await client.query(WEBHOOKS, [
      chunk.map(({ id }) => id),
      chunk.map(({ key }) => key),
      chunk.map(({ url }) => url),
      chunk.map(({ type }) => type),
      chunk.map(({ secrets }) => secrets),
    ]);
  }
  await client.query('VACUUM ANALYZE organizations, webhooks');
  await client.query('CHECKPOINT').catch(() => {});
}

const sealer = createSealer([ENCRYPTION_KEY]);

/** As the server would store it: a secret of its own, sealed to its row. */
function newWebhook(place: { key: number; type: number; webhooksEach: number; urls: readonly string[] }) {
  const { key, type, webhooksEach, urls } = place;
  const id = newId();
  const url = `${urls[(key * webhooksEach + type) % urls.length] ?? ''}-${key}-${type}`;
  const secrets = sealSecrets(id, [{ secret: generateSecret(), expiresAt: null }], sealer);
  return { id, key, url, type: `bench-${String(type).padStart(TYPE_WIDTH, '0')}`, secrets };
}

import type pg from 'pg';
import { ORGANIZATION_WIDTH, TYPE_WIDTH } from '../load/request-template.ts';
import type { Stage } from '../stage.ts';

export interface ManyOrganizations {
  readonly organizations: number;
  /** Each takes one event type, `bench-00` and on. */
  readonly webhooksEach: number;
  /** The n-th webhook gets the URL n modulo their number, followed by its organization. */
  readonly urls: readonly string[];
}

const TEMPLATE = 'template';

/** The secret is one webhook's, made through the API: sealing a hundred thousand is no part of what is measured. */
const WEBHOOKS = `
  INSERT INTO webhooks (id, organization_key, url, events, headers, secrets)
  SELECT gen_random_uuid(), organizations.key,
         ($1::text[])[1 + (organizations.key * $2 + type.number) % cardinality($1::text[])] || '-' || organizations.key || '-' || type.number,
         ARRAY['bench-' || lpad(type.number::text, $3, '0')], template.headers, template.secrets
  FROM organizations
    CROSS JOIN generate_series(0, $2 - 1) AS type (number)
    CROSS JOIN (SELECT headers, secrets FROM webhooks LIMIT 1) AS template
  WHERE organizations.id LIKE 'bench-%'`;

const ORGANIZATIONS = `
  INSERT INTO organizations (id, name, product)
  SELECT 'bench-' || lpad(number::text, $2, '0'), 'Organization ' || number, 'generic' FROM generate_series(0, $1 - 1) AS one (number)`;

/** Makes organizations with webhooks straight in the tables. */
export async function seedOrganizations(stage: Stage, { organizations, webhooksEach, urls }: ManyOrganizations): Promise<void> {
  const client: pg.Client = stage.database.client;
  await stage.api.createOrganization(TEMPLATE);
  await stage.api.createWebhook(TEMPLATE, { url: urls[0] ?? '' });
  await client.query(ORGANIZATIONS, [organizations, ORGANIZATION_WIDTH]);
  await client.query(WEBHOOKS, [urls, webhooksEach, TYPE_WIDTH]);
  await client.query('VACUUM ANALYZE organizations, webhooks');
  await client.query('CHECKPOINT').catch(() => {});
}

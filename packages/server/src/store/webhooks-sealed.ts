import { statement, type Queryable } from './database.ts';

/** The sealed values of a webhook. */
export interface SealedWebhookRow {
  readonly id: string;
  readonly secrets: Buffer | null;
  readonly headers: Buffer | null;
}

/** No index: reads all webhooks in the order of their ids. */
const OUTDATED = statement(
  'webhooks_sealed_otherwise',
  `SELECT id, secrets, headers FROM webhooks
   WHERE id > $1 AND (substring(secrets FROM 1 FOR 5) <> $2 OR substring(headers FROM 1 FOR 5) <> $2) ORDER BY id LIMIT $3`,
);

/** Returns webhooks after an id whose secrets or headers are not sealed with the current key. */
export function outdatedWebhooks(
  queryable: Queryable,
  { after, prefix, limit }: { after: string; prefix: Uint8Array; limit: number },
): Promise<SealedWebhookRow[]> {
  return queryable.query<SealedWebhookRow>(OUTDATED, [after, prefix, limit]);
}

/** Doesn't overwrite concurrent changes, which are already sealed with the current key. */
const RESEAL = statement(
  'reseal_webhook',
  `UPDATE webhooks SET secrets = $2, headers = $3
   WHERE id = $1 AND secrets IS NOT DISTINCT FROM $4 AND headers IS NOT DISTINCT FROM $5`,
);

export async function resealWebhook(queryable: Queryable, before: SealedWebhookRow, after: SealedWebhookRow): Promise<void> {
  await queryable.query(RESEAL, [before.id, after.secrets, after.headers, before.secrets, before.headers]);
}

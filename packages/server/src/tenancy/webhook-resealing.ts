import type { Database } from '../store/database.ts';
import type { Sealer } from '../sealing/sealer.ts';
import { outdatedWebhooks, resealWebhook, type SealedWebhookRow } from '../store/webhooks-sealed.ts';
import { sealedHeaders, sealedSecrets } from './webhook-secrets.ts';

export interface Resealed {
  readonly resealed: number;
  /** Ids of webhooks that no configured key decrypts. */
  readonly unreadable: readonly string[];
}

const BATCH = 500;
const LOWEST = '00000000-0000-0000-0000-000000000000';

/**
 * Re-encrypts webhooks that were encrypted with an older key, so that this key can be removed from the configuration.
 * Webhooks that no key decrypts are left unchanged and returned in `unreadable`.
 */
export async function resealWebhooks(database: Database, sealer: Sealer): Promise<Resealed> {
  const unreadable: string[] = [];
  let resealed = 0;
  let after = LOWEST;
  for (;;) {
    const rows = await outdatedWebhooks(database, { after, prefix: sealer.prefix, limit: BATCH });
    const pairs = rows.map((row) => ({ row, again: sealedAgain(row, sealer) }));
    await database.transaction(async (transaction) => {
      for (const { row, again } of pairs) if (again) await resealWebhook(transaction, row, again);
    });
    unreadable.push(...pairs.flatMap(({ row, again }) => (again ? [] : [row.id])));
    resealed += pairs.filter(({ again }) => again).length;
    const last = rows.at(-1);
    if (!last || rows.length < BATCH) return { resealed, unreadable };
    after = last.id;
  }
}

/** Returns null if no configured key decrypts the webhook. */
function sealedAgain(row: SealedWebhookRow, sealer: Sealer): SealedWebhookRow | null {
  try {
    return { id: row.id, secrets: sealedSecrets(row, sealer), headers: sealedHeaders(row, sealer) };
  } catch {
    return null;
  }
}

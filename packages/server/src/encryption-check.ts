import { StartError } from './start-error.ts';
import type { Database, Queryable } from './store/database.ts';
import { hasSealedWebhooks, hasWebhooksSealedWith, insertKeyCheck, readKeyCheck, updateKeyCheck } from './store/key-check.ts';
import type { Sealer } from './store/sealing.ts';

const PLACE = 'key check';
const TEXT = 'posthorn';

export interface EncryptionCheck {
  /** null: there is no encryption key yet. */
  readonly sealer: Sealer | null;
  /** No other server can be on this database: a key that nothing was sealed with may be replaced. */
  readonly alone: boolean;
}

/**
 * Throws StartError unless the configured encryption keys are the ones that this database is used with. Nodes with different
 * keys could not send for one another's webhooks, and a lost key must be noticed before new things are sealed with another.
 */
export async function checkEncryptionKeys(database: Database, { sealer, alone }: EncryptionCheck): Promise<void> {
  await database.transaction(async (transaction) => {
    const stored = await readKeyCheck(transaction);
    if (stored === null) await checkFirst(transaction, sealer);
    else if (!opens(stored, sealer)) await replace(transaction, { sealer, alone });
    else if (sealer?.isOutdated(stored) === true) await updateKeyCheck(transaction, sealer.seal(TEXT, PLACE));
  });
}

/** The database is new, or of a version that stored no check. */
async function checkFirst(transaction: Queryable, sealer: Sealer | null): Promise<void> {
  if (!(await hasSealedWebhooks(transaction))) return store(transaction, sealer);
  if (sealer === null || !(await hasWebhooksSealedWith(transaction, sealer.prefixes))) throw wrongKey(sealer);
  return store(transaction, sealer);
}

async function store(transaction: Queryable, sealer: Sealer | null): Promise<void> {
  if (sealer === null) return;
  await insertKeyCheck(transaction, sealer.seal(TEXT, PLACE));
  // Of two nodes that start together on a new database, the second finds what the first has stored.
  const stored = await readKeyCheck(transaction);
  if (stored === null || !opens(stored, sealer)) throw wrongKey(sealer);
}

async function replace(transaction: Queryable, { sealer, alone }: EncryptionCheck): Promise<void> {
  if (!alone || (await hasSealedWebhooks(transaction))) throw wrongKey(sealer);
  if (sealer !== null) await updateKeyCheck(transaction, sealer.seal(TEXT, PLACE));
}

function opens(sealed: Buffer, sealer: Sealer | null): boolean {
  try {
    return sealer?.open(sealed, PLACE) === TEXT;
  } catch {
    return false;
  }
}

function wrongKey(sealer: Sealer | null): StartError {
  const wrong =
    sealer === null
      ? 'The encryption key is missing: the data folder has no encryption-key, and POSTHORN_ENCRYPTION_KEY is not set.'
      : 'The encryption key is not the one that this database is used with.';
  return new StartError(
    [
      `${wrong} Webhooks have secrets or headers that only the right key opens.`,
      'Restore the file encryption-key of the data folder, or set POSTHORN_ENCRYPTION_KEY to the right key, or to the new and the right one, separated by a comma.',
      'If the key is lost, see “A lost encryption key” in docs/operations.md.',
    ].join('\n'),
  );
}

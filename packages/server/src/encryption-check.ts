import { StartError } from './start-error.ts';
import type { Database, Queryable } from './store/database.ts';
import { hasSealedWebhooks, hasWebhooksSealedWith, insertKeyCheck, readKeyCheck, updateKeyCheck } from './store/key-check.ts';
import type { Sealer } from './sealing/sealer.ts';

const PLACE = 'key check';
const TEXT = 'posthorn';

export interface EncryptionCheck {
  /** null: there is no encryption key yet. */
  readonly sealer: Sealer | null;
  /** Whether no other server can use this database. Then a key that encrypted nothing may be replaced. */
  readonly alone: boolean;
}

/**
 * Throws StartError if the configured encryption keys don't match this database. Nodes with different keys could not
 * decrypt each other's webhook secrets, and a lost key must be noticed before anything is encrypted with another.
 */
export async function checkEncryptionKeys(database: Database, { sealer, alone }: EncryptionCheck): Promise<void> {
  await database.transaction(async (transaction) => {
    const stored = await readKeyCheck(transaction);
    if (stored === null) await checkFirst(transaction, sealer);
    else if (!opens(stored, sealer)) await replace(transaction, { sealer, alone });
    else if (sealer?.isOutdated(stored) === true) await updateKeyCheck(transaction, sealer.seal(TEXT, PLACE));
  });
}

/** Handles a database without a stored check: a new one, or one of an older version. */
async function checkFirst(transaction: Queryable, sealer: Sealer | null): Promise<void> {
  if (!(await hasSealedWebhooks(transaction))) return store(transaction, sealer);
  if (sealer === null || !(await hasWebhooksSealedWith(transaction, sealer.prefixes))) throw wrongKey(sealer);
  return store(transaction, sealer);
}

async function store(transaction: Queryable, sealer: Sealer | null): Promise<void> {
  if (sealer === null) return;
  await insertKeyCheck(transaction, sealer.seal(TEXT, PLACE));
  // If two nodes start at the same time on a new database, the second one reads the check that the first one stored.
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
      : 'The encryption key does not match this database.';
  return new StartError(
    [
      `${wrong} Webhook secrets and headers can only be decrypted with the right key.`,
      'Restore the file encryption-key in the data folder, or set POSTHORN_ENCRYPTION_KEY to the right key, or to the new key and the right key, separated by a comma.',
      'If the key is lost, see “A lost encryption key” in docs/operations.md.',
    ].join('\n'),
  );
}

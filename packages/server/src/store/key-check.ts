import { statement, type Queryable } from './database.ts';

/** The first node of a database stores a sealed text. All later nodes must be able to open it. */
const INSERT = statement('insert_key_check', 'INSERT INTO key_check (sealed) VALUES ($1) ON CONFLICT DO NOTHING');
const UPDATE = statement('update_key_check', 'UPDATE key_check SET sealed = $1');
const READ = statement('read_key_check', 'SELECT sealed FROM key_check');

/** Keeps a text that another node has stored meanwhile. */
export async function insertKeyCheck(queryable: Queryable, sealed: Uint8Array): Promise<void> {
  await queryable.query(INSERT, [sealed]);
}

export async function updateKeyCheck(queryable: Queryable, sealed: Uint8Array): Promise<void> {
  await queryable.query(UPDATE, [sealed]);
}

/** null: none is stored yet. */
export async function readKeyCheck(queryable: Queryable): Promise<Buffer | null> {
  const [row] = await queryable.query<{ sealed: Buffer }>(READ);
  return row?.sealed ?? null;
}

/** No index: reads webhooks until one has a sealed value. */
const ANY = statement(
  'any_sealed_webhook',
  'SELECT EXISTS (SELECT FROM webhooks WHERE secrets IS NOT NULL OR headers IS NOT NULL) AS found',
);

export async function hasSealedWebhooks(queryable: Queryable): Promise<boolean> {
  const [row] = await queryable.query<{ found: boolean }>(ANY);
  return row?.found ?? false;
}

/** No index: reads webhooks until one matches. */
const ANY_WITH = statement(
  'any_webhook_sealed_with',
  `SELECT EXISTS (
     SELECT FROM webhooks WHERE substring(secrets FROM 1 FOR length($1::bytea)) = $1 OR substring(headers FROM 1 FOR length($1::bytea)) = $1
   ) AS found`,
);

/** Whether any stored value begins with the prefix of one of the keys. */
export async function hasWebhooksSealedWith(queryable: Queryable, prefixes: readonly Uint8Array[]): Promise<boolean> {
  for (const prefix of prefixes) {
    const [row] = await queryable.query<{ found: boolean }>(ANY_WITH, [prefix]);
    if (row?.found === true) return true;
  }
  return false;
}

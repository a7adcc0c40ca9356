import type pg from 'pg';

/** A score as RevOS pushes it, its points given by SQL. */
const STATE = (points: string): string => `
  '{"object":{"id":"' || number || '","name":"Company ' || number || '","plan":"Enterprise"},"features":[{"id":"f-1","groupId":"g-1","name":"Onboarding Completed",'
  || '"metricValue":true,"points":' || ${points} || ',"score":"high","totalPoints":15}],"groups":[{"id":"g-1","name":"Product Usage","points":' || ${points}
  || ',"score":"high","totalPoints":35}],"total":{"points":' || ${points} || ',"score":"high","totalPoints":100}}'`;

const OBJECTS = `
  INSERT INTO objects (organization_key, kind, scope_key, id, scope, state, version, created_at, updated_at)
  SELECT $1, 'score', 'model:m', number::text, 'model:m', ${STATE("'12.5'")}, 1, now(), now() FROM generate_series($2::int, $3::int) AS number`;

const CHANGES = `
  INSERT INTO digest_changes (organization_key, digest, scope_key, object_id, original)
  SELECT $1, 'daily', 'model:m', number::text, ${STATE("'10'")} FROM generate_series(1, $2::int) AS number`;

const PAGE = 100_000;

/** Puts scores into the tables, some of which have changed since the last digest. */
export async function seedChangedScores(
  client: pg.Client,
  seed: { organization: string; objects: number; changed: number },
): Promise<void> {
  const { rows } = await client.query<{ key: number }>('SELECT key FROM organizations WHERE id = $1', [seed.organization]);
  const key = rows[0]?.key;
  for (let from = 1; from <= seed.objects; from += PAGE) {
    await client.query(OBJECTS, [key, from, Math.min(seed.objects, from + PAGE - 1)]);
  }
  await client.query(CHANGES, [key, seed.changed]);
  await client.query('VACUUM ANALYZE objects, digest_changes');
}

import { expect, test } from 'vitest';
import { describeOnBothDatabases } from '../../../test-support/database.ts';
import { startHttpEdge, type EdgeRequest, type HttpEdge } from '../../../test-support/http-edge.ts';
import { statement } from '../../store/database.ts';

const ROOT_KEYS = '/v1/api-keys';
const ACME_KEYS = '/v1/organizations/acme/api-keys';
const OTHER_KEYS = '/v1/organizations/other/api-keys';

interface MadeKey {
  readonly id: string;
  readonly key: string;
  readonly hint: string;
}

async function make(edge: HttpEdge, path: string, body: object = { name: 'a key' }): Promise<MadeKey> {
  const answer = await edge.request(`POST ${path}`, { body });
  expect(answer.status).toBe(201);
  return answer.body as MadeKey;
}

async function statusOf(edge: HttpEdge, call: string, options: EdgeRequest): Promise<number> {
  return (await edge.request(call, options)).status;
}

describeOnBothDatabases('API keys', (open) => {
  test('a key is shown once, works at once, and only its hash is kept', async () => {
    await using edge = await startHttpEdge({ database: await open() });
    const made = await edge.request(`POST ${ACME_KEYS}`, { body: { name: 'CI', expiresAt: '2999-01-01T00:00:00Z' } });
    expect(made).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^[\da-f-]{36}$/),
        name: 'CI',
        hint: expect.stringMatching(/^[\w-]{4}$/),
        createdAt: expect.stringMatching(/Z$/),
        expiresAt: '2999-01-01T00:00:00.000Z',
        key: expect.stringMatching(/^ph_[\w-]{43}$/),
      },
    });
    const { key, ...shown } = made.body as MadeKey;
    expect(key.endsWith(shown.hint)).toBe(true);
    expect(await edge.request(`GET ${ACME_KEYS}`, { key })).toMatchObject({ status: 200, body: { data: [shown], nextCursor: null } });
    const [row] = await edge.database.query<{ row: string }>(statement('test_row', 'SELECT api_keys::text AS row FROM api_keys'));
    expect(row?.row).not.toContain(key);
  });

  test('a revoked key is refused at the next request', async () => {
    await using edge = await startHttpEdge({ database: await open() });
    const { id, key } = await make(edge, ACME_KEYS);
    expect(await statusOf(edge, `GET ${ACME_KEYS}`, { key })).toBe(200);
    expect(await statusOf(edge, `DELETE ${ACME_KEYS}/${id}`, {})).toBe(204);
    expect(await statusOf(edge, `GET ${ACME_KEYS}`, { key })).toBe(401);
    expect(await statusOf(edge, `DELETE ${ACME_KEYS}/${id}`, {})).toBe(404);
    expect((await edge.request(`GET ${ACME_KEYS}`)).body).toEqual({ data: [], nextCursor: null });
  });

  test('an expired key is refused', async () => {
    await using edge = await startHttpEdge({ database: await open() });
    const { key } = await make(edge, ACME_KEYS, { name: 'short', expiresAt: new Date(edge.time + 60_000).toISOString() });
    edge.time += 59_000;
    expect(await statusOf(edge, `GET ${ACME_KEYS}`, { key })).toBe(200);
    edge.time += 2_000;
    expect(await statusOf(edge, `GET ${ACME_KEYS}`, { key })).toBe(401);
  });

  test('a key that expires cannot create one that expires later, for its organization, as root or for an organization', async () => {
    await using edge = await startHttpEdge({ database: await open() });
    const at = (ms: number): string => new Date(edge.time + ms).toISOString();
    const [end, later, earlier] = [at(60_000), at(60_001), at(59_999)];
    const places = [
      [ACME_KEYS, [ACME_KEYS]],
      [ROOT_KEYS, [ROOT_KEYS, ACME_KEYS]],
    ] as const;
    for (const [makerPath, paths] of places) {
      const { key } = await make(edge, makerPath, { name: 'maker', expiresAt: end });
      for (const path of paths) {
        const asked = async (body: object) => edge.request(`POST ${path}`, { key, body: { name: 'made', ...body } });
        expect(await asked({})).toMatchObject({ status: 201, body: { expiresAt: end } });
        expect(await asked({ expiresAt: end })).toMatchObject({ status: 201, body: { expiresAt: end } });
        expect(await asked({ expiresAt: earlier })).toMatchObject({ status: 201, body: { expiresAt: earlier } });
        expect(await asked({ expiresAt: later })).toMatchObject({
          status: 422,
          body: {
            code: 'invalid_request',
            errors: [{ path: '/expiresAt', rule: 'outlives_maker', message: expect.stringContaining(end) }],
          },
        });
        const child = (await asked({})).body as MadeKey;
        expect(await edge.request(`POST ${path}`, { key: child.key, body: { name: 'grandchild' } })).toMatchObject({
          body: { expiresAt: end },
        });
      }
    }
    const { key } = await make(edge, ACME_KEYS);
    expect(await edge.request(`POST ${ACME_KEYS}`, { key, body: { name: 'made' } })).toMatchObject({
      status: 201,
      body: { expiresAt: null },
    });
  });

  test('a root key made by the API has the rights of the operator, until it is revoked', async () => {
    await using edge = await startHttpEdge({ database: await open() });
    const { id, key } = await make(edge, ROOT_KEYS);
    const second = await edge.request(`POST ${ROOT_KEYS}`, { body: { name: 'second' }, key });
    expect(second.status).toBe(201);
    expect((await edge.request(`GET ${ROOT_KEYS}`)).body).toMatchObject({ data: [{ name: 'second' }, { name: 'a key' }] });
    expect(await statusOf(edge, `DELETE ${ROOT_KEYS}/${id}`, {})).toBe(204);
    expect(await statusOf(edge, `GET ${ROOT_KEYS}`, { key })).toBe(401);
  });

  test('an organization manages its own keys, and neither those of others nor root keys', async () => {
    await using edge = await startHttpEdge({ database: await open() });
    const { key } = await make(edge, ACME_KEYS);
    const others = await make(edge, OTHER_KEYS);
    const roots = await make(edge, ROOT_KEYS);
    const own = (await edge.request(`POST ${ACME_KEYS}`, { key, body: { name: 'next' } })).body as MadeKey;
    expect(await statusOf(edge, `GET ${ACME_KEYS}`, { key: own.key })).toBe(200);
    expect(await statusOf(edge, `DELETE ${ACME_KEYS}/${own.id}`, { key })).toBe(204);
    for (const [call, status] of [
      [`GET ${ROOT_KEYS}`, 403],
      [`DELETE ${ROOT_KEYS}/${roots.id}`, 403],
      [`GET ${OTHER_KEYS}`, 404],
      [`DELETE ${OTHER_KEYS}/${others.id}`, 404],
      [`DELETE ${ACME_KEYS}/${others.id}`, 404],
      [`DELETE ${ACME_KEYS}/${roots.id}`, 404],
    ] as const) {
      expect([call, await statusOf(edge, call, { key })]).toEqual([call, status]);
    }
    expect(await statusOf(edge, `POST ${ROOT_KEYS}`, { key, body: { name: 'x' } })).toBe(403);
    expect(await statusOf(edge, `POST ${OTHER_KEYS}`, { key, body: { name: 'x' } })).toBe(404);
    expect(await statusOf(edge, `GET ${OTHER_KEYS}`, { key: others.key })).toBe(200);
    expect(await statusOf(edge, `GET ${ROOT_KEYS}`, { key: roots.key })).toBe(200);
  });

  test('a list is paged, newest first', async () => {
    await using edge = await startHttpEdge({ database: await open() });
    for (const name of ['1', '2', '3', '4', '5']) await make(edge, ACME_KEYS, { name });
    const names: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body } = await edge.request(`GET ${ACME_KEYS}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      const page = body as { data: { name: string }[]; nextCursor: string | null };
      names.push(...page.data.map(({ name }) => name));
      cursor = page.nextCursor;
    }
    expect(names).toEqual(['5', '4', '3', '2', '1']);
    expect(await statusOf(edge, `GET ${ACME_KEYS}?cursor=nonsense`, {})).toBe(422);
  });

  test('an invalid new key is refused with the failing field, and nothing is stored', async () => {
    await using edge = await startHttpEdge({ database: await open() });
    for (const [body, path, rule] of [
      [{}, '/name', 'required'],
      [{ name: '' }, '/name', 'minLength'],
      [{ name: 'nul \0' }, '/name', 'text'],
      [{ name: 7 }, '/name', 'type'],
      [{ name: 'x', expiresAt: 'tomorrow' }, '/expiresAt', 'format'],
      [{ name: 'x', expiresAt: '2016-12-31T23:59:60Z' }, '/expiresAt', 'date-time'],
      [{ name: 'x', expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt', 'future'],
      [{ name: 'x', admin: true }, '/admin', 'unknown_field'],
    ] as const) {
      const answer = await edge.request(`POST ${ACME_KEYS}`, { body });
      expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_request', errors: [{ path, rule }] } });
    }
    expect(await statusOf(edge, `DELETE ${ACME_KEYS}/no-id`, {})).toBe(404);
    expect((await edge.request(`GET ${ACME_KEYS}`)).body).toEqual({ data: [], nextCursor: null });
  });
});

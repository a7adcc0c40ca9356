import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makeTenant, type TestTenant } from '../harness/tenant.ts';
import { onBothDatabases } from './on-both-databases.ts';

interface Part {
  readonly changed: Record<string, unknown>;
  readonly original: Record<string, unknown>;
  readonly id: string;
  readonly name: string;
  readonly groupId?: string;
}
interface Change {
  readonly object: { readonly id: string };
  readonly features: Part[];
  readonly groups: Part[];
  readonly total: Pick<Part, 'changed' | 'original'>;
}
interface Digest {
  readonly eventType: string;
  readonly payload: { readonly modelId: string; readonly name: string; readonly changes: Change[] };
}
const fixture = (name: string) => JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8')) as Digest;

const seed = fixture('seed-revos-model-scoreChange');
const { modelId } = seed.payload;

/** The state that a change shows before, or after it. */
function stateOf({ object, features, groups, total }: Change, when: 'original' | 'changed'): object {
  const part = ({ id, name, groupId, original, ...rest }: Part) => ({
    id,
    ...(groupId === undefined ? {} : { groupId }),
    name,
    ...original,
    ...(when === 'changed' ? rest.changed : {}),
  });
  return {
    object,
    features: features.map(part),
    groups: groups.map(part),
    total: { ...total.original, ...(when === 'changed' ? total.changed : {}) },
  };
}

const simple = (points: number) => ({
  object: { id: '1', name: 'A' },
  features: [],
  groups: [],
  total: { points, score: points > 50 ? 'high' : 'low', totalPoints: 100 },
});

onBothDatabases('RevOS', (stage) => {
  const organization = (): Promise<TestTenant> => makeTenant(stage.node, 'revos');
  const run = (tenant: TestTenant, how = 'run') =>
    tenant.call<{ events: { id: string; scope: string; data: Digest['payload'] }[] }>('POST', `/digests/daily/${how}`, {});

  async function pushAll(tenant: TestTenant, { payload }: Digest, when: 'original' | 'changed'): Promise<void> {
    await tenant.push(`model/${payload.modelId}`, { name: payload.name });
    for (const change of payload.changes) {
      await tenant.push(`score/${change.object.id}`, stateOf(change, when), { scope: `model:${payload.modelId}` });
    }
  }

  test('RVS-01 a webhook hangs on a model, several may, and it gets that model’s changes alone', async () => {
    const tenant = await organization();
    const [one, two, other] = [await stage.receiver(), await stage.receiver(), await stage.receiver()];
    await tenant.webhook({ url: one.url, scope: 'model:a' });
    await tenant.webhook({ url: two.url, scope: 'model:a' });
    await tenant.webhook({ url: other.url, scope: 'model:b' });
    for (const points of [1, 2]) for (const scope of ['model:a', 'model:b']) await tenant.push('score/1', simple(points), { scope });
    expect((await run(tenant)).events.map(({ scope }) => scope)).toEqual(['model:a', 'model:b']);
    for (const receiver of [one, two, other]) await receiver.waitFor(1);
    expect([one, two, other].map(({ requests }) => requests.map(({ text }) => (JSON.parse(text) as Digest).payload.modelId))).toEqual([
      ['a'],
      ['a'],
      ['b'],
    ]);
  });

  test('RVS-02 a URL without its protocol is refused; http is taken with a warning', async () => {
    const tenant = await organization();
    const refused = await tenant.request('POST', '/webhooks', { url: 'example.com/x', events: ['*'] });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: '/url', message: expect.stringContaining('https://') }] } });
    expect(await tenant.webhook({ url: 'http://example.com/x' })).toMatchObject({ warnings: [{ code: 'insecure_url' }] });
    expect((await tenant.webhook({ url: 'https://example.com/x' })).warnings).toEqual([]);
  });

  test('RVS-04 RVS-05 RVS-06 RVS-07 the document’s sample comes out of pushed states, byte for byte', async () => {
    for (const wanted of [seed, fixture('revos-model-scoreChange')]) {
      const tenant = await organization();
      const receiver = await stage.receiver({ status: 202, body: '{"accepted":true}' });
      await tenant.webhook({ url: receiver.url, scope: `model:${wanted.payload.modelId}` });
      await pushAll(tenant, wanted, 'original');
      expect((await run(tenant)).events).toEqual([]);
      await pushAll(tenant, wanted, 'changed');
      const { events } = await run(tenant);
      const [request] = await receiver.waitFor(1);
      expect(request?.text).toBe(JSON.stringify(wanted));
      expect(request?.headers['webhook-id']).toBe(events[0]?.id);
      expect((await run(tenant)).events).toEqual([]);
    }
  });

  test('RVS-04 without changes there is no call; a digest past 1 MiB becomes several of the same shape', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver();
    await tenant.webhook({ url: receiver.url });
    const padded = (points: number, id: number) => ({ ...simple(points), object: { id: String(id), name: 'x'.repeat(300_000) } });
    for (const points of [1, 2]) {
      for (let id = 0; id < 5; id++) await tenant.push(`score/${id}`, padded(points, id), { scope: 'model:m' });
    }
    expect((await run(tenant)).events).toHaveLength(2);
    const requests = await receiver.waitFor(2);
    const bodies = requests.map(({ text }) => JSON.parse(text) as Digest);
    expect(requests.every(({ body }) => body.length <= 1024 * 1024)).toBe(true);
    expect(bodies.map(({ eventType }) => eventType)).toEqual(['model.scoreChange', 'model.scoreChange']);
    const ids = bodies.flatMap(({ payload }) => payload.changes.map(({ object }) => object.id));
    expect(ids.toSorted((a, b) => Number(a) - Number(b))).toEqual(['0', '1', '2', '3', '4']);
  });

  test('RVS-05 several changes are one entry; back where it was is none; first sight is what the next is compared with', async () => {
    const tenant = await organization();
    const push = (id: string, points: number, scope = 'model:m') => tenant.push(`score/${id}`, simple(points), { scope });
    for (const points of [10, 20, 30]) await push('moved', points);
    for (const points of [10, 20, 10]) await push('back', points);
    await push('new', 10);
    await push('moved', 99, 'model:other');
    const { events } = await run(tenant, 'preview');
    expect(
      events.map(({ scope, data }) => [scope, data.changes.map(({ total }) => [total.original['points'], total.changed['points']])]),
    ).toEqual([['model:m', [[10, 30]]]]);
    expect((await run(tenant)).events).toHaveLength(1);
    await push('moved', 5);
    const next = await run(tenant);
    expect(next.events[0]?.data.changes[0]?.total).toMatchObject({ original: { points: 30 }, changed: { points: 5 } });
  });

  test('RVS-07 points may be fractions and are never rounded; a metric is any scalar', async () => {
    const tenant = await organization();
    const feature = (metricValue: unknown, points: number) => ({
      ...simple(points),
      features: [{ id: 'f', groupId: 'g', name: 'F', metricValue, points, score: null, totalPoints: 0.3 }],
    });
    await tenant.push('score/1', feature('Großkunde', 0.1), { scope: 'model:m' });
    await tenant.push('score/1', feature(null, 57.00000000000001), { scope: 'model:m' });
    const { events } = await run(tenant);
    expect(events[0]?.data.changes[0]?.features[0]).toEqual({
      changed: { metricValue: null, points: 57.00000000000001, score: null },
      groupId: 'g',
      id: 'f',
      name: 'F',
      original: { metricValue: 'Großkunde', points: 0.1, score: null, totalPoints: 0.3 },
    });
  });

  test('RVS-09 a test of the sample goes out at once and uses up nothing, and so does a preview', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver();
    const { id } = await tenant.webhook({ url: receiver.url, scope: 'model:m' });
    for (const points of [1, 2]) await tenant.push('score/1', simple(points), { scope: 'model:m' });
    await tenant.call('POST', `/webhooks/${id}/test`, { type: 'model.scoreChange' });
    const [request] = await receiver.waitFor(1);
    expect(request?.text).toBe(JSON.stringify(seed));
    expect((await run(tenant, 'preview')).events).toHaveLength(1);
    expect((await run(tenant, 'preview')).events).toHaveLength(1);
    expect((await run(tenant)).events).toHaveLength(1);
  });

  test('RVS-10 any 2xx is success; a failed digest is sent again with its id and bytes, without waiting for tomorrow', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver((_request, index) => ({ status: index === 0 ? 500 : 204 }));
    await tenant.webhook({ url: receiver.url, scope: `model:${modelId}` });
    await pushAll(tenant, seed, 'original');
    await pushAll(tenant, seed, 'changed');
    const { events } = await run(tenant);
    await tenant.settled(events[0]?.id ?? '', 'retrying', 1);
    stage.node.clock.advance(10_000);
    await tenant.settled(events[0]?.id ?? '', 'delivered', 2);
    const [first, second] = receiver.requests;
    expect(second?.text).toBe(first?.text);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  });

  test('RVS-03 the digest says when it runs: at seven in Berlin, or when and where the organization says', async () => {
    const tenant = await organization();
    const list = async () => (await tenant.call<{ data: { id: string; nextRunAt: string }[] }>('GET', '/digests')).data[0];
    expect(await list()).toMatchObject({
      id: 'daily',
      event: 'model.scoreChange',
      kind: 'score',
      at: '07:00',
      timeZone: 'Europe/Berlin',
      lastRunAt: null,
    });
    const hourIn = (timeZone: string, at = '') =>
      new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(new Date(at));
    expect(hourIn('Europe/Berlin', (await list())?.nextRunAt)).toBe('07:00');
    await stage.node.call('PATCH', tenant.path, { timeZone: 'Asia/Kathmandu' });
    expect(hourIn('Asia/Kathmandu', (await list())?.nextRunAt)).toBe('07:00');
    await tenant.call('PATCH', '/digests/daily', { at: '18:30', timeZone: 'America/New_York' });
    expect(await list()).toMatchObject({ at: '18:30', timeZone: 'America/New_York' });
    expect(hourIn('America/New_York', (await list())?.nextRunAt)).toBe('18:30');
    expect(await tenant.request('PATCH', '/digests/daily', { at: '25:00' })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/at' }] },
    });
    expect(await tenant.request('PATCH', '/digests/daily', { timeZone: 'Mars/Olympus' })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/timeZone' }] },
    });
    expect(await tenant.request('POST', '/digests/weekly/run', {})).toMatchObject({ status: 404 });
  });
});

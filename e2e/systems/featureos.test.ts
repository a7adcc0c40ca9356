import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { makeTenant, type PushOutcome, type TestTenant } from '../harness/tenant.ts';
import { onBothDatabases } from './on-both-databases.ts';

type Json = Record<string, unknown>;
interface Body {
  readonly type: string;
  readonly data: Json;
  readonly created: number;
}
const fixture = (name: string) => JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8')) as Body;

const MINUTE_MS = 60_000;
const completed = fixture('seed-featureos-postCompleted');
const published = fixture('featureos-changelogPublished');

/** The state that a fixture's data shows: without before and after. */
function stateOf({ data }: Body): Json {
  const { before: _before, after: _after, ...state } = data;
  return state;
}
const earlier = (state: Json, status: Json): Json => ({ ...state, status, updated_at: 1651600000 });
const planned = earlier(stateOf(completed), { label: 'Planned', value: 'planned' });
const types = ({ events }: PushOutcome) => events.map(({ type }) => type);

onBothDatabases('featureOS', (stage) => {
  const organization = (): Promise<TestTenant> => makeTenant(stage.node, 'featureos');

  /** What a webhook for one event type gets of a few pushes. */
  async function received(events: string[], object: string, states: Json[]): Promise<string> {
    const tenant = await organization();
    const receiver = await stage.receiver();
    await tenant.webhook({ url: receiver.url, events });
    for (const state of states) await tenant.push(object, state);
    const [request] = await receiver.waitFor(1);
    return request?.text ?? '';
  }

  test('FOS-01 posts and changelog give nine events in two groups, each with a second name', async () => {
    const tenant = await organization();
    const { data } = await tenant.call<{ data: { type: string; group: string; aliases: string[] }[] }>('GET', '/event-types');
    expect(data.map(({ group, type, aliases }) => [group, type, ...aliases])).toEqual([
      ['Posts', 'postCreated', 'post_created'],
      ['Posts', 'postUpdated', 'post_updated'],
      ['Posts', 'postStatusUpdated', 'post_status_updated'],
      ['Posts', 'postCompleted', 'post_completed'],
      ['Posts', 'postDeleted', 'post_deleted'],
      ['Changelog', 'changelogCreated', 'changelog_created'],
      ['Changelog', 'changelogUpdated', 'changelog_updated'],
      ['Changelog', 'changelogPublished', 'changelog_published'],
      ['Changelog', 'changelogDeleted', 'changelog_deleted'],
    ]);
    expect(await received(['post_completed'], 'post/80874', [planned, stateOf(completed)])).toContain('"type":"postCompleted"');
  });

  test('FOS-01 what happens to a post follows from its states', async () => {
    const tenant = await organization();
    expect(types(await tenant.push('post/80874', planned))).toEqual(['postCreated']);
    expect(types(await tenant.push('post/80874', { ...planned, title: 'Google' }))).toEqual(['postUpdated']);
    const started = { ...planned, status: { label: 'Started', value: 'started' } };
    expect(types(await tenant.push('post/80874', started))).toEqual(['postUpdated', 'postStatusUpdated']);
    expect(types(await tenant.push('post/80874', stateOf(completed)))).toEqual(['postUpdated', 'postStatusUpdated', 'postCompleted']);
    expect(types(await tenant.call<PushOutcome>('DELETE', '/objects/post/80874'))).toEqual(['postDeleted']);
    const draft = earlier(stateOf(published), { label: 'Draft', value: 'draft' });
    expect(types(await tenant.push('changelog/5120', draft))).toEqual(['changelogCreated']);
    expect(types(await tenant.push('changelog/5120', stateOf(published)))).toEqual(['changelogUpdated', 'changelogPublished']);
    expect(types(await tenant.call<PushOutcome>('DELETE', '/objects/changelog/5120'))).toEqual(['changelogDeleted']);
  });

  test('FOS-02 a webhook of the organization has a URL, a description, and one event at least', async () => {
    const tenant = await organization();
    const { id } = await tenant.webhook({ url: 'https://example.com/hook', description: 'Roadmap', events: ['postCompleted'] });
    expect(await tenant.call('GET', `/webhooks/${id}`)).toMatchObject({ description: 'Roadmap', events: ['postCompleted'], scope: null });
    const none = await tenant.request('POST', '/webhooks', { url: 'https://example.com/hook', events: [] });
    expect(none).toMatchObject({ status: 422, body: { errors: [{ path: '/events', rule: 'minItems' }] } });
    const unknown = await tenant.request('POST', '/webhooks', { url: 'https://example.com/hook', events: ['postLiked'] });
    expect(unknown).toMatchObject({ status: 422, body: { errors: [{ path: '/events/0' }] } });
  });

  test.each([
    'http://example.com/hook',
    'https://10.0.0.7/hook',
    'https://169.254.169.254/latest',
    'https://[fd00::1]/hook',
    'example.com',
  ])('FOS-03 %s is refused when saving: https on the public internet only', async (url) => {
    const tenant = await organization();
    expect(await tenant.request('POST', '/webhooks', { url, events: ['*'] })).toMatchObject({
      status: 422,
      body: { errors: [{ path: '/url' }] },
    });
  });

  test.each([
    [200, 'delivered'],
    [201, 'retrying'],
    [204, 'retrying'],
  ])('FOS-04 the status %i leaves the delivery %s', async (status, outcome) => {
    const tenant = await organization();
    const receiver = await stage.receiver({ status });
    await tenant.webhook({ url: receiver.url });
    const [event] = (await tenant.push('post/1', planned)).events;
    expect((await tenant.settled(event?.id ?? '', outcome, 1)).attempts).toHaveLength(1);
  });

  test('FOS-07 the body is type, data and created; ids are numbers, an empty assignee is {}, nulls and newlines stay', async () => {
    const text = await received(['postCreated'], 'post/80874', [planned]);
    expect(text).toBe(JSON.stringify({ type: 'postCreated', data: planned, created: planned['updated_at'] }));
    expect(text).toContain('"id":80874');
    expect(text).toContain('"assignee":{}');
    expect(text).toContain('"etc_date":null');
    expect(text).toContain('"description_html":"<p>This is a test</p>\\n"');
  });

  test('FOS-08 before and after hold what changed, the same fields in both, dates as text; a new post has neither', async () => {
    const states = [planned, { ...planned, title: 'Google', etc_date: 1651686939, updated_at: 1651686939, tags: ['new'] }];
    const { data } = JSON.parse(await received(['postUpdated'], 'post/80874', states)) as Body;
    expect(data['before']).toEqual({ title: 'Facebook Conversion', etc_date: null, tags: null });
    expect(data['after']).toEqual({ title: 'Google', etc_date: '2022-05-04 17:55:39 UTC', tags: ['new'] });
    expect(data['etc_date']).toBe(1651686939);
    const created = JSON.parse(await received(['postCreated'], 'post/80874', [planned])) as Body;
    expect(Object.keys(created.data)).not.toEqual(expect.arrayContaining(['before']));
    expect(Object.keys(created.data)).not.toEqual(expect.arrayContaining(['after']));
  });

  test.each([
    ['seed-featureos-postCompleted', 'postCompleted', 'post/80874', { label: 'Planned', value: 'planned' }],
    ['featureos-postCompleted', 'postCompleted', 'post/80874', { label: 'Planned', value: 'planned' }],
    ['featureos-changelogPublished', 'changelogPublished', 'changelog/5120', { label: 'Draft', value: 'draft' }],
  ])('FOS-09 %s comes out of two upserts, byte for byte', async (name, type, object, status) => {
    const wanted = fixture(name);
    const state = stateOf(wanted);
    expect(await received([type], object, [earlier(state, status), state])).toBe(JSON.stringify(wanted));
  });

  test('FOS-09 it is the same where the product pushes the date itself, as a number or as text', async () => {
    const state = stateOf(completed);
    const before = { ...planned, completed_at: null };
    for (const completed_at of [1651686939, '2022-05-04 17:55:39 UTC']) {
      expect(await received(['postCompleted'], 'post/80874', [before, { ...state, completed_at }])).toBe(JSON.stringify(completed));
    }
  });

  test('a signed test of each event arrives', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver();
    const { id, secret } = await tenant.webhook({ url: receiver.url });
    await tenant.call('POST', `/webhooks/${id}/test`, { type: 'post_completed' });
    const [request] = await receiver.waitFor(1);
    if (!request) throw new Error('Nothing arrived.');
    expect(() => new Webhook(secret).verify(request.text, request.headers)).not.toThrow();
    expect((JSON.parse(request.text) as Body).type).toBe('postCompleted');
  });

  // Last: it sets the clock forward.
  test('FOS-05 FOS-06 after three retries the webhook is marked failed, gets nothing more, and is enabled by hand', async () => {
    const tenant = await organization();
    const receiver = await stage.receiver({ status: 500, body: 'no' });
    const { id } = await tenant.webhook({ url: receiver.url, events: ['postCreated'] });
    const [event] = (await tenant.push('post/1', planned)).events;
    for (const [index, minutes] of [5, 30, 120].entries()) {
      const { attempts } = await tenant.settled(event?.id ?? '', 'retrying', index + 1);
      const last = attempts.at(-1);
      const wait = Date.parse(last?.nextAttemptAt ?? '') - Date.parse(last?.at ?? '');
      expect(Math.round(wait / MINUTE_MS)).toBe(minutes);
      stage.node.clock.advance(minutes * MINUTE_MS);
    }
    const failed = await tenant.settled(event?.id ?? '', 'failed', 4);
    expect(failed.attempts.map(({ number, response }) => [number, response?.status, response?.body])).toEqual(
      [1, 2, 3, 4].map((n) => [n, 500, 'no']),
    );
    await expect
      .poll(() => tenant.call('GET', `/webhooks/${id}`))
      .toMatchObject({ status: 'failed', statusReason: expect.stringMatching(/./) });
    const missed = await tenant.push('post/2', planned);
    expect(types(missed)).toEqual(['postCreated']);
    expect(await tenant.call('GET', `/deliveries?event=${missed.events[0]?.id}`)).toMatchObject({ data: [] });
    receiver.react({});
    await tenant.call('POST', `/webhooks/${id}/enable`, { replay: true });
    await tenant.settled(missed.events[0]?.id ?? '', 'delivered', 1);
    expect(await tenant.call('GET', `/webhooks/${id}`)).toMatchObject({ status: 'active' });
  });
});

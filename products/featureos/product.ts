import { defineProduct, delays, standardWebhooks, type EventTypeDefinition } from '@posthorn/sdk';
import { withoutTransitionDates, withTransition } from './before-after.ts';
import { draftChangelog, plannedPost } from './samples.ts';
import { changelog, post } from './schemas.ts';

type Event = Omit<EventTypeDefinition, 'schema' | 'sample'>;

const posts = { group: 'Posts', schema: post, sample: plannedPost };
const changelogs = { group: 'Changelog', schema: changelog, sample: draftChangelog };
const named = (snakeCase: string, description: string): Event => ({ description, aliases: [snakeCase] });

/**
 * featureOS: posts and changelog. The data is the current state, with the changed fields in `before` and `after`.
 * A webhook that fails four times is marked failed, and its owner is notified.
 */
export const featureos = defineProduct({
  name: 'featureos',
  title: 'featureOS',
  events: {
    postCreated: { ...posts, ...named('post_created', 'A post was submitted.') },
    postUpdated: { ...posts, ...named('post_updated', 'A post was edited, or its status changed.') },
    postStatusUpdated: { ...posts, ...named('post_status_updated', 'The status of a post changed.') },
    postCompleted: { ...posts, ...named('post_completed', 'A post was completed.') },
    postDeleted: { ...posts, ...named('post_deleted', 'A post was deleted.') },
    changelogCreated: { ...changelogs, ...named('changelog_created', 'A changelog entry was written.') },
    changelogUpdated: { ...changelogs, ...named('changelog_updated', 'A changelog entry was edited, or its status changed.') },
    changelogPublished: { ...changelogs, ...named('changelog_published', 'A changelog entry was published.') },
    changelogDeleted: { ...changelogs, ...named('changelog_deleted', 'A changelog entry was deleted.') },
  },
  objects: {
    post: {
      schema: post,
      sample: plannedPost,
      created: 'postCreated',
      updated: 'postUpdated',
      deleted: 'postDeleted',
      changes: { 'status.value': 'postStatusUpdated' },
      enters: { 'status.value': { completed: 'postCompleted' } },
      data: ({ state, previous, deleted }) =>
        previous && !deleted
          ? withTransition(previous, state, { field: 'completed_at', status: 'completed' })
          : withoutTransitionDates(state),
    },
    changelog: {
      schema: changelog,
      sample: draftChangelog,
      created: 'changelogCreated',
      updated: 'changelogUpdated',
      deleted: 'changelogDeleted',
      enters: { 'status.value': { published: 'changelogPublished' } },
      data: ({ state, previous, deleted }) =>
        previous && !deleted
          ? withTransition(previous, state, { field: 'published_at', status: 'published' })
          : withoutTransitionDates(state),
    },
  },
  context: (type, { id }) => ({ subject: { kind: type.startsWith('post') ? 'post' : 'changelog', id: String(id as number) } }),
  envelope: ({ type, data, time }) => ({ type, data, created: data['updated_at'] ?? Math.floor(time.getTime() / 1_000) }),
  delivery: {
    url: 'https',
    success: { status: [200], bodyContains: null },
    timeoutMs: 30_000,
    retry: delays(['5m', '30m', '2h']),
    whenExhausted: 'fail-webhook',
    disableAfterMs: null,
    signatures: [standardWebhooks()],
  },
});

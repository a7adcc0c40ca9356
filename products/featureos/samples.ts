import type { z } from 'zod';
import type { changelog, post } from './schemas.ts';

/** A post on the roadmap. */
export const plannedPost = {
  id: 80874,
  title: 'Facebook Conversion',
  object: 'post',
  description: 'This is a test',
  description_html: '<p>This is a test</p>\n',
  status: { label: 'Planned', value: 'planned' },
  assignee: {},
  approval_status: 'approved',
  hidden: false,
  pinned: false,
  downvotes_count: 0,
  upvotes_count: 1,
  etc_date: null,
  parent_id: null,
  comments_count: 0,
  created_at: 1648026486,
  updated_at: 1651600000,
  submitter: { name: 'featureOS Support', email: 'support@example.com' },
} satisfies z.input<typeof post>;

/** An entry that is not published yet. */
export const draftChangelog = {
  id: 5120,
  title: 'Release 4.2',
  object: 'changelog',
  description: 'New webhooks',
  description_html: '<p>New webhooks</p>\n',
  status: { label: 'Draft', value: 'draft' },
  created_at: 1651600000,
  updated_at: 1651600000,
  url: 'https://feedback.example.com/changelog/release-4-2',
} satisfies z.input<typeof changelog>;

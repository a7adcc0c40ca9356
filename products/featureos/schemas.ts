import { z } from 'zod';

const text = z.string().nullable().optional();
const count = z.number().int().optional();
/** Seconds since the epoch. */
const moment = z.number().int();
/** When the status became what it is: seconds since the epoch, or text. Appears only in `before` and `after`. */
const transition = z.union([moment, z.string()]).nullable().optional();
const status = z.looseObject({ label: z.string(), value: z.string() });

/** A post. Other fields are accepted too. */
export const post = z.looseObject({
  id: z.number().int(),
  title: z.string(),
  object: z.literal('post').optional(),
  description: text,
  description_html: text,
  status,
  assignee: z.looseObject({}).optional(),
  approval_status: text,
  hidden: z.boolean().optional(),
  pinned: z.boolean().optional(),
  downvotes_count: count,
  upvotes_count: count,
  etc_date: z.union([moment, z.string()]).nullable().optional(),
  parent_id: z.number().int().nullable().optional(),
  comments_count: count,
  created_at: moment.optional(),
  updated_at: moment.optional(),
  completed_at: transition,
  submitter: z.looseObject({}).optional(),
});

/** A changelog entry. Other fields are accepted too. */
export const changelog = z.looseObject({
  id: z.number().int(),
  title: z.string(),
  object: z.literal('changelog').optional(),
  description: text,
  description_html: text,
  status,
  created_at: moment.optional(),
  updated_at: moment.optional(),
  published_at: transition,
  url: text,
});

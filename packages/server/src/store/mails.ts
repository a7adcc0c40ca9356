import { statement, type Queryable } from './database.ts';

/** A mail to send. */
export interface Mail {
  readonly id: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
}

export interface MailRow extends Mail {
  readonly attempt_count: number;
}

const INSERT = statement(
  'insert_mails',
  `INSERT INTO mails (id, recipient, subject, body, due_at)
   SELECT id, recipient, subject, body, $5 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS row (id, recipient, subject, body)`,
);

export async function insertMails(transaction: Queryable, mails: readonly Mail[], dueAt: Date): Promise<void> {
  await transaction.query(INSERT, [
    mails.map((mail) => mail.id),
    mails.map((mail) => mail.recipient),
    mails.map((mail) => mail.subject),
    mails.map((mail) => mail.body),
    dueAt,
  ]);
}

/** A taken mail is not sent yet: the taker has until `$2`, then it is due again. Index: mails_due. */
const TAKE = statement(
  'take_mails',
  `UPDATE mails SET attempt_count = attempt_count + 1, due_at = $2
   WHERE id IN (SELECT id FROM mails WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
   RETURNING id, recipient, subject, body, attempt_count`,
);

/** Takes due mails, for this node to send until a given time. */
export function takeMails(queryable: Queryable, input: { now: Date; until: Date; limit: number }): Promise<MailRow[]> {
  return queryable.query<MailRow>(TAKE, [input.now, input.until, input.limit]);
}

const SENT = statement('mail_sent', 'DELETE FROM mails WHERE id = $1');
const LATER = statement('mail_later', 'UPDATE mails SET due_at = $2 WHERE id = $1');

export async function mailSent(queryable: Queryable, id: string): Promise<void> {
  await queryable.query(SENT, [id]);
}

export async function mailLater(queryable: Queryable, id: string, dueAt: Date): Promise<void> {
  await queryable.query(LATER, [id, dueAt]);
}

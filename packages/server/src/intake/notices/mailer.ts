import { createTransport } from 'nodemailer';
import type { Logger } from 'pino';
import type { Queryable } from '../../store/database.ts';
import { mailLater, mailSent, takeMails, type MailRow } from '../../store/mails.ts';

export interface MailerOptions {
  readonly database: Queryable;
  /** `smtp://user:password@host:port`. */
  readonly smtpUrl: string;
  readonly from: string;
  readonly now: () => number;
  readonly log: Logger;
}

const PAGE = 20;
/** Longer than any SMTP exchange can take: after it, another node may send the mails of one that died. */
const TAKEN_MS = 300_000;
const TIMEOUT_MS = 30_000;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;
/** About three days. */
const MAX_ATTEMPTS = 75;

/** Sends pending mails. A mail that the SMTP server rejects is retried without delaying the others. */
export class Mailer {
  readonly #options: MailerOptions;
  readonly #transport: ReturnType<typeof createTransport>;

  constructor(options: MailerOptions) {
    this.#options = options;
    const timeouts = { connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS };
    const { smtpUrl: url, from } = options;
    this.#transport = createTransport({ url, ...timeouts, disableFileAccess: true, disableUrlAccess: true }, { from });
  }

  async sendDue(): Promise<void> {
    const { database, now } = this.#options;
    for (;;) {
      const mails = await takeMails(database, { now: new Date(now()), until: new Date(now() + TAKEN_MS), limit: PAGE });
      await Promise.all(mails.map((mail) => this.#send(mail)));
      if (mails.length < PAGE) return;
    }
  }

  close(): void {
    this.#transport.close();
  }

  async #send({ id, recipient, subject, body, attempt_count: attempts }: MailRow): Promise<void> {
    const { database, now, log } = this.#options;
    try {
      // The same Message-ID in every attempt, so that a mail sent twice is recognized as a duplicate.
      await this.#transport.sendMail({ to: { name: '', address: recipient }, subject, text: body, messageId: `<${id}@posthorn>` });
      await mailSent(database, id);
    } catch (error) {
      // Logs the code only: an SMTP response may contain the credentials.
      const code = error instanceof Error && 'code' in error ? error.code : 'unknown';
      if (attempts >= MAX_ATTEMPTS) {
        log.error({ mail: id, code, attempts }, 'Failed to send a mail after its last retry; dropped it');
        await mailSent(database, id);
        return;
      }
      log.warn({ mail: id, code, attempts }, 'Failed to send a mail; retrying');
      await mailLater(database, id, new Date(now() + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1))));
    }
  }
}

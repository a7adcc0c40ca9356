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
/** Longer than a server may take over a mail: who has taken one and died is not waited for longer. */
const TAKEN_MS = 300_000;
const TIMEOUT_MS = 30_000;
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 3_600_000;
/** About three days. */
const MAX_ATTEMPTS = 75;

/** Sends the mails that wait. What a server does not take is tried again; nothing else waits for it. */
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
      // The same in every attempt, so that a mail that is sent twice can be known.
      await this.#transport.sendMail({ to: { name: '', address: recipient }, subject, text: body, messageId: `<${id}@posthorn>` });
      await mailSent(database, id);
    } catch (error) {
      // Not the error itself: what a server answers may repeat the credentials.
      const code = error instanceof Error && 'code' in error ? error.code : 'unknown';
      if (attempts >= MAX_ATTEMPTS) {
        log.error({ mail: id, code, attempts }, 'A mail is given up.');
        await mailSent(database, id);
        return;
      }
      log.warn({ mail: id, code, attempts }, 'A mail could not be sent; it is tried again.');
      await mailLater(database, id, new Date(now() + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1))));
    }
  }
}

import type { Logger } from 'pino';
import { OPERATIONS } from '../../catalog/operations-product.ts';
import { insertMails } from '../../store/mails.ts';
import { hasNotices, organizationsOfProduct, takeNotices } from '../../store/notices.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import { EventCommit, type EventCommitOptions } from '../event-commit.ts';
import { Poller } from '../poller.ts';
import type { Mailer } from './mailer.ts';
import { noticeEvent } from './notice-event.ts';
import { noticeMail } from './notice-mail.ts';

export interface NoticesOptions extends EventCommitOptions {
  readonly find: (organizationKey: number) => Promise<Tenant | null>;
  /** null: no mail is sent. */
  readonly mailer: Mailer | null;
  /** The server's public URL, used in links. */
  readonly publicUrl: () => string;
  readonly log: Logger;
  readonly pollMs?: number | undefined;
}

const DEFAULT_POLL_MS = 1_000;
const PAGE = 200;

/**
 * Notifies operators and owners of changes to webhooks. A notice is written in the transaction of the change and
 * removed in the transaction that stores its events and mails, so that each is stored exactly once, even after a crash.
 */
export class Notices {
  readonly #options: NoticesOptions;
  readonly #commit: EventCommit;
  readonly #poller: Poller;

  constructor(options: NoticesOptions) {
    this.#options = options;
    this.#commit = new EventCommit(options);
    this.#poller = new Poller({
      poll: () => this.#process(),
      everyMs: options.pollMs ?? DEFAULT_POLL_MS,
      log: options.log,
      errorMessage: 'Failed to process notices; retrying',
    });
  }

  start(): void {
    this.#poller.start();
  }

  /** Resolves when the current poll has ended. */
  stop(): Promise<void> {
    return this.#poller.stop();
  }

  async #process(): Promise<void> {
    const { database, mailer } = this.#options;
    while (!this.#poller.stopped && (await hasNotices(database)) && (await this.#processPage()) === PAGE);
    await mailer?.sendDue();
  }

  /** Returns the number of notices processed. */
  async #processPage(): Promise<number> {
    const { database, find, mailer, publicUrl, now } = this.#options;
    const operators = (await Promise.all((await organizationsOfProduct(database, OPERATIONS)).map(find))).filter(
      (tenant) => tenant !== null,
    );
    return this.#commit.run(operators, async (transaction, tenants) => {
      const notices = await takeNotices(transaction, PAGE);
      // Operators get no events about their own webhooks: each failure would cause the next.
      const forOperators = notices.filter(({ product }) => product !== OPERATIONS);
      const mails = mailer ? notices.flatMap((notice) => noticeMail(notice, publicUrl()) ?? []) : [];
      if (mails.length > 0) await insertMails(transaction, mails, new Date(now()));
      const events = forOperators.flatMap((notice) => [...tenants.keys()].flatMap((key) => noticeEvent(notice, key) ?? []));
      return { result: notices.length, events };
    });
  }
}

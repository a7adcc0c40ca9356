import type { Logger } from 'pino';
import { OPERATIONS } from '../../catalog/operations-product.ts';
import { insertMails } from '../../store/mails.ts';
import { hasNotices, organizationsOfProduct, takeNotices } from '../../store/notices.ts';
import type { Tenant } from '../../tenancy/directory.ts';
import { EventCommit, type EventCommitOptions } from '../event-commit.ts';
import { Poller } from '../poller.ts';
import type { Mailer } from './mailer.ts';
import { noticeEvent } from './notice-event.ts';
import { noticeMail } from './notice-mail.ts';

export interface NoticesOptions extends EventCommitOptions {
  readonly find: (organizationKey: number) => Promise<Tenant | null>;
  /** null: no mail is sent. */
  readonly mailer: Mailer | null;
  /** Where the server is reached, for links. */
  readonly publicUrl: () => string;
  readonly log: Logger;
  readonly pollMs?: number | undefined;
}

const DEFAULT_POLL_MS = 1_000;
const PAGE = 200;

/**
 * Tells operators and owners what happened to webhooks. A notice is written in the transaction in which it happened, and
 * taken in the one that stores its events and mails: told once, whatever crashes.
 */
export class Notices {
  readonly #options: NoticesOptions;
  readonly #commit: EventCommit;
  readonly #poller: Poller;

  constructor(options: NoticesOptions) {
    this.#options = options;
    this.#commit = new EventCommit(options);
    this.#poller = new Poller({
      look: () => this.#tell(),
      everyMs: options.pollMs ?? DEFAULT_POLL_MS,
      log: options.log,
      complaint: 'Notices could not be told; they are tried again.',
    });
  }

  start(): void {
    this.#poller.start();
  }

  /** Answers when what is being told is told. */
  stop(): Promise<void> {
    return this.#poller.stop();
  }

  async #tell(): Promise<void> {
    const { database, mailer } = this.#options;
    while (!this.#poller.stopped && (await hasNotices(database)) && (await this.#tellPage()) === PAGE);
    await mailer?.sendDue();
  }

  /** Answers how many were told. */
  async #tellPage(): Promise<number> {
    const { database, find, mailer, publicUrl, now } = this.#options;
    const operators = (await Promise.all((await organizationsOfProduct(database, OPERATIONS)).map(find))).filter(
      (tenant) => tenant !== null,
    );
    return this.#commit.run(operators, async (transaction, tenants) => {
      const notices = await takeNotices(transaction, PAGE);
      // About their own webhooks they are not told: each failure would cause the next.
      const told = notices.filter(({ product }) => product !== OPERATIONS);
      const mails = mailer ? notices.flatMap((notice) => noticeMail(notice, publicUrl()) ?? []) : [];
      if (mails.length > 0) await insertMails(transaction, mails, new Date(now()));
      const events = told.flatMap((notice) => [...tenants.keys()].flatMap((key) => noticeEvent(notice, key) ?? []));
      return { result: notices.length, events };
    });
  }
}

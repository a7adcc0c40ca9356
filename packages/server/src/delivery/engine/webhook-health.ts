import type { Logger } from 'pino';
import type { Database } from '../../store/database.ts';
import { failWebhook, saveFailingSince } from '../../store/webhook-health.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';

export interface WebhookHealthOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => number;
  /** A webhook was marked failed: what is cached of its organization is out of date. */
  readonly onFailed: (organizationKey: number) => void;
  /** How often changes are saved. */
  readonly saveMs?: number;
}

/** Since when webhooks have answered with nothing but failure, and what follows from it. */
export class WebhookHealth {
  readonly #options: WebhookHealthOptions;
  /** What is known better than the cached webhook says. */
  readonly #failingSince = new Map<string, number | null>();
  readonly #unsaved = new Map<string, Date | null>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: WebhookHealthOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.save(), options.saveMs ?? 2_000);
    this.#timer.unref();
  }

  succeeded(webhook: ResolvedWebhook): void {
    if (this.#since(webhook) === null) return;
    this.#failingSince.set(webhook.id, null);
    this.#unsaved.set(webhook.id, null);
  }

  /** Notes a failure; marks the webhook failed when it has lasted as long as its product bears. */
  failed(webhook: ResolvedWebhook): void {
    const now = this.#options.now();
    const since = this.#since(webhook) ?? now;
    if (this.#since(webhook) === null) {
      this.#failingSince.set(webhook.id, since);
      this.#unsaved.set(webhook.id, new Date(since));
    }
    if (webhook.disableAfterMs === null || now - since < webhook.disableAfterMs) return;
    void this.markFailed(webhook, { notice: 'webhook.disabled', reason: `Nothing but failure since ${new Date(since).toISOString()}.` });
  }

  async markFailed(webhook: ResolvedWebhook, why: { notice: 'webhook.failed' | 'webhook.disabled'; reason: string }): Promise<void> {
    this.#failingSince.delete(webhook.id);
    try {
      const changed = await failWebhook(this.#options.database, { webhookId: webhook.id, ...why, now: new Date(this.#options.now()) });
      if (!changed) return;
      this.#options.log.info({ webhook: webhook.id, reason: why.reason }, 'A webhook was marked failed.');
      this.#options.onFailed(webhook.organizationKey);
    } catch (error) {
      this.#options.log.warn({ err: error, webhook: webhook.id }, 'A webhook could not be marked failed.');
    }
  }

  #since(webhook: ResolvedWebhook): number | null {
    const known = this.#failingSince.get(webhook.id);
    return known === undefined ? (webhook.failingSince?.getTime() ?? null) : known;
  }

  async save(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const noted = new Map(this.#unsaved);
    this.#unsaved.clear();
    try {
      await saveFailingSince(this.#options.database, noted);
    } catch (error) {
      for (const [id, since] of noted) if (!this.#unsaved.has(id)) this.#unsaved.set(id, since);
      this.#options.log.warn({ err: error }, 'Webhook health could not be saved.');
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.save();
  }
}

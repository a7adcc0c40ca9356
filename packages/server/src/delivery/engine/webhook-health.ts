import type { Logger } from 'pino';
import type { Database } from '../../store/database.ts';
import { failingWebhooks, failWebhook, saveWebhookHealth, type HealthChange } from '../../store/webhook-health.ts';
import { shardOf } from '../../ids/shard.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { OwnedShard } from './owned-shard.ts';

export interface WebhookHealthOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => number;
  readonly nodeId: () => number;
  /** Called when a webhook was marked failed: the cached organization is outdated. */
  readonly onFailed: (organizationKey: number) => void;
  /** How often new failures are saved. */
  readonly saveMs?: number;
}

/** The webhook as it was when the attempt was sent. */
export type SentWebhook = Pick<ResolvedWebhook, 'id' | 'organizationKey' | 'healthVersion' | 'disableAfterMs'>;

/** Why a webhook must be marked failed. */
export interface FailureReason {
  readonly notice: 'webhook.failed' | 'webhook.disabled';
  readonly reason: string;
  /** The webhook is marked only if it has been failing since this time; null: always. */
  readonly failingSince: Date | null;
}

interface Versioned {
  readonly shard: number;
  readonly version: number;
}

interface Failing extends Versioned {
  readonly since: number;
  /** When the oldest event was accepted whose delivery has finally failed; null: none has. */
  missedSince: number | null;
  /** Whether the database may contain it. */
  isSaved: boolean;
}

/**
 * Tracks which webhooks only fail, and since when. It knows every failing webhook of the node's shards. An outcome
 * counts only for the webhook version under which it was sent.
 */
export class WebhookHealth {
  readonly #options: WebhookHealthOptions;
  readonly #failing = new Map<string, Failing>();
  /** Webhooks with unsaved changes. */
  readonly #unsaved = new Map<string, Versioned>();
  readonly #marking = new Map<string, Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #saving: Promise<void> = Promise.resolve();
  /** Whether the last save failed, so that a database outage is logged once. */
  #saveFailed = false;

  constructor(options: WebhookHealthOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.save(), options.saveMs ?? 2_000);
    this.#timer.unref();
  }

  /** Reads what earlier owners saved. Must be called before deliveries of the shards are sent. */
  async adopt(shards: readonly OwnedShard[]): Promise<void> {
    const ids = new Set(shards.map((shard) => shard.id));
    for (const [webhookId, { shard }] of this.#failing) {
      if (!ids.has(shard)) continue;
      this.#failing.delete(webhookId);
      this.#unsaved.delete(webhookId);
    }
    for (const row of await failingWebhooks(this.#options.database, [...ids])) {
      this.#failing.set(row.id, {
        shard: shardOf(row.organization_key),
        version: row.health_version,
        since: row.failing_since.getTime(),
        missedSince: row.missed_since?.getTime() ?? null,
        isSaved: true,
      });
    }
  }

  /** Saves the health of webhooks of leaving shards before these are released. */
  close(shards: readonly OwnedShard[]): void {
    for (const shard of shards) this.#saveBeforeRelease(shard);
  }

  succeeded(webhook: SentWebhook, shard: OwnedShard): void {
    if (this.#failing.size === 0 || shard.lost) return;
    const known = this.#failing.get(webhook.id);
    if (known === undefined || known.version > webhook.healthVersion) return;
    this.#failing.delete(webhook.id);
    this.#unsaved.delete(webhook.id);
    // The database cleared what an earlier version had left when the version changed.
    if (known.version < webhook.healthVersion || !known.isSaved) return;
    this.#unsaved.set(webhook.id, known);
    this.#saveBeforeRelease(shard);
  }

  /**
   * Records a failure. `missedSince`: when the event was accepted if the delivery is not retried, else null. Returns
   * why the webhook must be marked failed, if it has been failing for as long as its product allows.
   */
  failed(webhook: SentWebhook, shard: OwnedShard, missedSince: number | null): FailureReason | null {
    if (shard.lost) return null;
    const known = this.#failing.get(webhook.id);
    if (known !== undefined && known.version > webhook.healthVersion) return null;
    const { disableAfterMs, healthVersion: version } = webhook;
    const now = this.#options.now();
    const isNew = known === undefined || known.version < version;
    const failing = isNew ? { shard: shard.id, version, since: now, missedSince, isSaved: false } : known;
    const isOlder = missedSince !== null && missedSince < (failing.missedSince ?? Number.POSITIVE_INFINITY);
    if (isOlder) failing.missedSince = missedSince;
    if (isNew) this.#failing.set(webhook.id, failing);
    if (isNew || isOlder) {
      this.#unsaved.set(webhook.id, failing);
      if (!shard.isOpen) this.#saveBeforeRelease(shard);
    }
    if (disableAfterMs === null || now - failing.since < disableAfterMs) return null;
    const failingSince = new Date(failing.since);
    return { notice: 'webhook.disabled', reason: `Every attempt has failed since ${failingSince.toISOString()}.`, failingSince };
  }

  /** Marks a webhook failed, unless it has changed or was enabled since the attempt was sent. */
  markFailed(webhook: SentWebhook, why: FailureReason): Promise<void> {
    const key = `${webhook.id} ${webhook.healthVersion}`;
    const marking = this.#marking.get(key);
    // The unsaved failures of other deliveries are saved too: enabling the webhook replays from the oldest.
    if (marking) return Promise.all([marking, this.save()]).then(() => undefined);
    const marked = this.#mark(webhook, why).finally(() => this.#marking.delete(key));
    this.#marking.set(key, marked);
    return marked;
  }

  async #mark(webhook: SentWebhook, why: FailureReason): Promise<void> {
    const { database, log, now, onFailed } = this.#options;
    const { id: webhookId, organizationKey, healthVersion: version } = webhook;
    await this.save();
    try {
      if (!(await failWebhook(database, { webhookId, organizationKey, version, ...why, now: new Date(now()) }))) return;
      if (this.#failing.get(webhookId)?.version === version) this.#failing.delete(webhookId);
      log.info({ webhook: webhookId, reason: why.reason }, 'Marked webhook failed');
      onFailed(organizationKey);
    } catch (error) {
      log.warn({ err: error, webhook: webhookId }, 'Failed to mark webhook failed');
    }
  }

  #saveBeforeRelease(shard: OwnedShard): void {
    shard.recording++;
    void this.save().finally(() => shard.recording--);
  }

  /** Saves all changes, after the save that is under way. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const changes = [...this.#unsaved].map(([webhookId, unsaved]) => this.#changeOf(webhookId, unsaved));
    this.#unsaved.clear();
    try {
      await saveWebhookHealth(this.#options.database, this.#options.nodeId(), changes);
      this.#saveFailed = false;
    } catch (error) {
      for (const change of changes) if (!this.#unsaved.has(change.webhookId)) this.#unsaved.set(change.webhookId, change);
      if (!this.#saveFailed) this.#options.log.warn({ err: error }, 'Failed to save webhook health; retrying every few seconds');
      this.#saveFailed = true;
    }
  }

  #changeOf(webhookId: string, { shard, version }: Versioned): HealthChange {
    const failing = this.#failing.get(webhookId);
    if (failing?.version !== version) return { webhookId, shard, version, since: null, missedSince: null };
    failing.isSaved = true;
    const { since, missedSince } = failing;
    return { webhookId, shard, version, since: new Date(since), missedSince: missedSince === null ? null : new Date(missedSince) };
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.save();
    await Promise.all(this.#marking.values());
  }
}

import { PosthornError, type FieldError } from '@posthorn/protocol';
import { nothingMore, type AlsoCommit, type Database, type Queryable } from '../store/database.ts';
import type { Sealer } from '../sealing/sealer.ts';
import type { WebhookRow } from '../store/tenants.ts';
import { insertNotice } from '../store/notices.ts';
import { isUuid, newId } from '../ids/uuid-time.ts';
import {
  countWebhooks,
  deleteWebhook,
  findWebhook,
  insertWebhook,
  listWebhooks,
  lockWebhook,
  organizationChanged,
  releaseHeld,
  setWebhookStatus,
  updateWebhook,
} from '../store/webhooks.ts';
import type { Directory } from './directory.ts';
import type { Tenant } from './tenant.ts';
import { showWebhook, type ShownWebhook } from './resolve-webhook.ts';
import type { AllowedTargets } from '../network/target-address.ts';
import { checkSecret, checkWebhookInput, type Warning, type WebhookInput } from './webhook-input.ts';
import { newSecretLike, openSecrets, overlapping, sealedHeaders, sealedSecrets, sealHeaders, sealSecrets } from './webhook-secrets.ts';
import { changed, changesAttempts, headersForOtherOrigin, inputOf, ofChange, plainSettings } from './webhook-settings.ts';

export interface WebhooksOptions {
  readonly database: Database;
  /** For lists. */
  readonly reads: Queryable;
  readonly directory: Directory;
  readonly sealer: Sealer;
  readonly allowedTargets: AllowedTargets;
  readonly now: () => number;
}

export interface CreatedWebhook {
  readonly webhook: ShownWebhook;
  /** Shown only once; null: the webhook has no secret. */
  readonly secret: string | null;
  readonly warnings: readonly Warning[];
}

export interface ChangedWebhook {
  readonly webhook: ShownWebhook;
  readonly warnings: readonly Warning[];
}

export interface EnabledWebhook {
  readonly webhook: ShownWebhook;
  /** The time for which it was marked failed; null: it was not. */
  readonly outage: Outage | null;
}

/** The time for which a webhook was marked failed. */
export interface Outage {
  /** When the webhook was created. */
  readonly createdAt: Date;
  readonly markedAt: Date;
  /** When the oldest event was accepted whose delivery failed since the endpoint last worked; null: none failed. */
  readonly missedSince: Date | null;
}

export interface SecretRotation {
  /** The webhook's id. */
  readonly id: string;
  /** How long the older secrets keep signing. Default: a day. */
  readonly overlapSeconds?: number | undefined;
  /** Default: a generated secret. */
  readonly secret?: string | undefined;
}

type Status = 'active' | 'paused';
type Given<Input> = Input & { readonly secret?: string | undefined; readonly status?: Status | undefined };

export const MAX_WEBHOOKS = 1_000;
/** Each of them signs every request, and receivers check at most 20 signatures. */
const MAX_SIGNING_SECRETS = 10;
const DEFAULT_OVERLAP_SECONDS = 86_400;

/** Creates, updates and deletes webhooks. A change applies to the next event on every node. */
export class Webhooks {
  readonly #options: WebhooksOptions;

  constructor(options: WebhooksOptions) {
    this.#options = options;
  }

  /** Reads a webhook from the database, without caches. Throws `not_found`. */
  async find(tenant: Tenant, id: string): Promise<ShownWebhook> {
    const row = isUuid(id) ? await findWebhook(this.#options.database, id, tenant.organization.key) : null;
    return this.#resolved(row ?? raise(noWebhook()), tenant);
  }

  /** Newest first, below the id `before`; of one scope if it is given. */
  async list(
    tenant: Tenant,
    query: { readonly before: string; readonly scope: string | null; readonly limit: number },
  ): Promise<ShownWebhook[]> {
    const rows = await listWebhooks(this.#options.reads, { organizationKey: tenant.organization.key, ...query });
    return rows.map((row) => this.#resolved(row, tenant));
  }

  /** Creates a webhook. Throws `invalid_request`, `blocked_url`, `conflict`. */
  async create(tenant: Tenant, input: Given<WebhookInput>, also: AlsoCommit<CreatedWebhook> = nothingMore): Promise<CreatedWebhook> {
    const given = chosen(input.secret);
    const warnings = this.#check(tenant, input, { more: given === null ? [] : checkSecret(given), change: input });
    const secret = given ?? (tenant.product.policy.secret === 'generated' ? newSecretLike(null) : null);
    const id = newId();
    const { sealer } = this.#options;
    return this.#change(tenant, async (transaction) => {
      if ((await countWebhooks(transaction, tenant.organization.key)) >= MAX_WEBHOOKS) {
        throw new PosthornError('conflict', `The organization already has ${MAX_WEBHOOKS} webhooks, the maximum. Delete one first.`);
      }
      const secrets = sealSecrets(id, secret === null ? [] : [{ secret, expiresAt: null }], sealer);
      const settings = { ...plainSettings(input), headers: sealHeaders(id, input.headers ?? {}, sealer), secrets };
      const { key: organizationKey } = tenant.organization;
      const row = await insertWebhook(transaction, { id, organizationKey, status: input.status ?? 'active', settings });
      return alsoCommitted(transaction, { webhook: this.#resolved(row, tenant), secret, warnings }, also);
    });
  }

  /**
   * Updates the given fields, all or none. A blank secret or a masked header keeps its value.
   * If the URL changes to another origin, header values must be given again.
   * Throws `invalid_request`, `blocked_url`, `conflict`, `not_found`.
   */
  async update(tenant: Tenant, id: string, change: Given<Partial<WebhookInput>>): Promise<ChangedWebhook> {
    const { sealer } = this.#options;
    const { secret, status, ...fields } = change;
    const given = chosen(secret);
    let warnings: readonly Warning[] = [];
    const row = await this.#change(tenant, async (transaction) => {
      const current = await lock(transaction, tenant, id);
      const before = inputOf(current, sealer);
      const input = changed(before, fields);
      const more = [...headersForOtherOrigin(before, fields), ...(given === null ? [] : checkSecret(given))];
      warnings = this.#check(tenant, input, { more, change: fields });
      const secrets = given === null ? sealedSecrets(current, sealer) : sealSecrets(id, [{ secret: given, expiresAt: null }], sealer);
      const settings = { ...plainSettings(input), headers: sealHeaders(id, input.headers ?? {}, sealer), secrets };
      const isNewSecret = given !== null && given !== openSecrets(current, sealer)[0]?.secret;
      const resetHealth = isNewSecret || changesAttempts(before, input);
      const updated = present(await updateWebhook(transaction, { id, organizationKey: tenant.organization.key, settings, resetHealth }));
      return status === undefined ? updated : setStatus(transaction, updated, { status, now: this.#options.now });
    });
    return { webhook: this.#resolved(row, tenant), warnings };
  }

  /** Deletes a webhook and cancels its pending deliveries. Throws `not_found`. */
  async delete(tenant: Tenant, id: string): Promise<void> {
    await this.#change(tenant, async (transaction) => {
      if (!isUuid(id) || !(await deleteWebhook(transaction, id, tenant.organization.key))) throw noWebhook();
    });
  }

  /** Makes a webhook active and releases its held deliveries. Throws `not_found`. */
  async enable(tenant: Tenant, id: string, also: AlsoCommit<EnabledWebhook> = nothingMore): Promise<EnabledWebhook> {
    return this.#setStatus(tenant, { id, status: 'active' }, also);
  }

  /** Pauses a webhook: holds its deliveries until it is enabled. Throws `not_found`, or `conflict` if it is failed. */
  async pause(tenant: Tenant, id: string, also: AlsoCommit<EnabledWebhook> = nothingMore): Promise<ShownWebhook> {
    return (await this.#setStatus(tenant, { id, status: 'paused' }, also)).webhook;
  }

  /** Adds a new secret; older ones keep signing for the overlap. Throws `invalid_request`, `conflict`, `not_found`. */
  async rotateSecret(tenant: Tenant, input: SecretRotation, also: AlsoCommit<CreatedWebhook> = nothingMore): Promise<CreatedWebhook> {
    const { id } = input;
    const { sealer, now } = this.#options;
    const given = chosen(input.secret);
    const errors = given === null ? [] : checkSecret(given);
    if (errors.length > 0) throw invalid(errors);
    const overlapMs = (input.overlapSeconds ?? DEFAULT_OVERLAP_SECONDS) * 1_000;
    return this.#change(tenant, async (transaction) => {
      const current = await lock(transaction, tenant, id);
      const old = openSecrets(current, sealer);
      const secret = given ?? newSecretLike(old[0]?.secret ?? null);
      const still = overlapping(old, { now: now(), until: now() + overlapMs });
      if (still.length >= MAX_SIGNING_SECRETS) {
        throw new PosthornError(
          'conflict',
          `${still.length} older secrets still sign. Wait until their overlap ends, or set overlapSeconds to 0 to end it.`,
        );
      }
      const secrets = sealSecrets(id, [{ secret, expiresAt: null }, ...still], sealer);
      const settings = { ...plainSettings(inputOf(current, sealer)), headers: sealedHeaders(current, sealer), secrets };
      // The endpoint stays the same: daily rotation must not keep a dead endpoint from being disabled.
      const resetHealth = false;
      const row = present(await updateWebhook(transaction, { id, organizationKey: tenant.organization.key, settings, resetHealth }));
      return alsoCommitted(transaction, { webhook: this.#resolved(row, tenant), secret, warnings: [] }, also);
    });
  }

  #resolved(row: WebhookRow, tenant: Tenant): ShownWebhook {
    return showWebhook(row, tenant.product, this.#options.sealer);
  }

  #check(tenant: Tenant, input: WebhookInput, { more, change }: { more: readonly FieldError[]; change: object }): readonly Warning[] {
    const { errors, warnings, blocked } = checkWebhookInput(input, tenant.product, this.#options.allowedTargets);
    const all = [...ofChange(errors, change), ...more];
    if (all.length === 0) return 'url' in change ? warnings : [];
    const [first] = all;
    throw blocked && first?.path === '/url' && all.length === 1
      ? new PosthornError('blocked_url', first.message, { errors: all })
      : invalid(all);
  }

  #setStatus(tenant: Tenant, { id, status }: { id: string; status: Status }, also: AlsoCommit<EnabledWebhook>): Promise<EnabledWebhook> {
    return this.#change(tenant, async (transaction) => {
      const before = await lock(transaction, tenant, id);
      const after = await setStatus(transaction, before, { status, now: this.#options.now });
      return alsoCommitted(transaction, { webhook: this.#resolved(after, tenant), outage: outageOf(before) }, also);
    });
  }

  /** Commits the change, the organization's next version, and the notification to all nodes in one transaction. */
  async #change<Result>(tenant: Tenant, work: (transaction: Queryable) => Promise<Result>): Promise<Result> {
    const { key } = tenant.organization;
    const result = await this.#options.database.transaction(async (transaction) => {
      if (!(await organizationChanged(transaction, key)))
        throw new PosthornError('organization_not_found', 'The organization was deleted.');
      return work(transaction);
    });
    this.#options.directory.invalidate(key);
    return result;
  }
}

async function alsoCommitted<Result>(transaction: Queryable, result: Result, also: AlsoCommit<Result>): Promise<Result> {
  await also(transaction, result);
  return result;
}

function outageOf({ status, created_at: createdAt, status_changed_at: markedAt, missed_since: missedSince }: WebhookRow): Outage | null {
  return status === 'failed' ? { createdAt, markedAt, missedSince } : null;
}

async function lock(transaction: Queryable, tenant: Tenant, id: string): Promise<WebhookRow> {
  const row = isUuid(id) ? await lockWebhook(transaction, id, tenant.organization.key) : null;
  return row ?? raise(noWebhook());
}

async function setStatus(
  transaction: Queryable,
  current: WebhookRow,
  { status, now }: { status: Status; now: () => number },
): Promise<WebhookRow> {
  // Enabling an active webhook must not reset `failingSince`.
  if (current.status === status) return current;
  if (status === 'paused' && current.status === 'failed') {
    throw new PosthornError('conflict', "A failed webhook can't be paused. Enable it first.");
  }
  const { id, organization_key: organizationKey } = current;
  const row = present(await setWebhookStatus(transaction, { id, organizationKey, status, reason: null }));
  if (status === 'active') await releaseHeld(transaction, id);
  if (status === 'active' && current.status === 'failed') {
    await insertNotice(transaction, { type: 'webhook.recovered', organizationKey, webhookId: id, happenedAt: new Date(now()) });
  }
  return row;
}

/** Returns the secret chosen by the caller; null: none, or a blank form field. */
function chosen(secret: string | undefined): string | null {
  return secret === undefined || secret.trim() === '' ? null : secret;
}

function present(row: WebhookRow | null): WebhookRow {
  return row ?? raise(noWebhook());
}

function raise(error: Error): never {
  throw error;
}

function noWebhook(): PosthornError {
  return new PosthornError('not_found', 'There is no such webhook in this organization.');
}

function invalid(errors: readonly FieldError[]): PosthornError {
  const [first] = errors;
  return new PosthornError('invalid_request', first ? `${first.path} ${first.message}` : 'The webhook is not valid.', { errors });
}

import { PosthornError, type FieldError } from '@posthorn/protocol';
import { generateSecret } from '@posthorn/protocol/signing';
import type { Database, Queryable } from '../store/database.ts';
import type { Sealer } from '../store/sealing.ts';
import type { WebhookRow } from '../store/tenants.ts';
import { isUuid, newId } from '../store/uuid-time.ts';
import {
  countWebhooks,
  deleteWebhook,
  insertWebhook,
  lockWebhook,
  organizationChanged,
  releaseHeld,
  setWebhookStatus,
  updateWebhook,
  type WebhookSettings,
} from '../store/webhooks.ts';
import type { Directory, Tenant } from './directory.ts';
import { resolveWebhook, type ResolvedWebhook } from './resolve-webhook.ts';
import type { AllowedTargets } from './target-address.ts';
import { checkSecret, checkWebhookInput, type Warning, type WebhookInput } from './webhook-input.ts';
import { openHeaders, openSecrets, sealHeaders, sealSecrets } from './webhook-secrets.ts';

export interface WebhooksOptions {
  readonly database: Database;
  readonly directory: Directory;
  readonly sealer: Sealer;
  readonly allowedTargets: AllowedTargets;
  readonly now: () => number;
}

export interface CreatedWebhook {
  readonly webhook: ResolvedWebhook;
  /** Shown this once; null: it has none. */
  readonly secret: string | null;
  readonly warnings: readonly Warning[];
}

export const MAX_WEBHOOKS = 1_000;
const DEFAULT_OVERLAP_SECONDS = 86_400;

/** Creates, changes and deletes the webhooks of organizations. Every change counts for the next event, on every node. */
export class Webhooks {
  readonly #options: WebhooksOptions;

  constructor(options: WebhooksOptions) {
    this.#options = options;
  }

  /** Throws `invalid_request`, `blocked_url`, `conflict`. */
  async create(
    tenant: Tenant,
    input: WebhookInput & { secret?: string | undefined; status?: 'active' | 'paused' | undefined },
  ): Promise<CreatedWebhook> {
    const warnings = this.#check(tenant, input, input.secret ? checkSecret(input.secret) : []);
    const secret = input.secret || (tenant.product.policy.secret === 'generated' ? generateSecret() : null);
    const id = newId();
    const { sealer } = this.#options;
    const row = await this.#change(tenant, async (transaction) => {
      if ((await countWebhooks(transaction, tenant.organization.key)) >= MAX_WEBHOOKS) {
        throw new PosthornError('conflict', `The organization has ${MAX_WEBHOOKS} webhooks already.`);
      }
      const secrets = sealSecrets(id, secret === null ? [] : [{ secret, expiresAt: null }], sealer);
      const settings = { ...plain(input), headers: sealHeaders(id, input.headers ?? {}, sealer), secrets };
      return insertWebhook(transaction, { id, organizationKey: tenant.organization.key, status: input.status ?? 'active', settings });
    });
    return { webhook: resolveWebhook(row, tenant.product, sealer), secret, warnings };
  }

  /** Changes what is given; a blank secret keeps the old one. */
  async update(tenant: Tenant, id: string, change: Partial<WebhookInput> & { secret?: string | undefined }): Promise<CreatedWebhook> {
    const { sealer } = this.#options;
    let warnings: readonly Warning[] = [];
    const row = await this.#change(tenant, async (transaction) => {
      const current = await lock(transaction, tenant, id);
      const merged = { ...inputOf(current, sealer), ...withoutUndefined(change) };
      warnings = this.#check(tenant, merged, change.secret ? checkSecret(change.secret) : []);
      const secrets = change.secret ? sealSecrets(id, [{ secret: change.secret, expiresAt: null }], sealer) : current.secrets;
      const settings = { ...plain(merged), headers: sealHeaders(id, merged.headers ?? {}, sealer), secrets };
      return present(await updateWebhook(transaction, { id, organizationKey: tenant.organization.key, settings }));
    });
    return { webhook: resolveWebhook(row, tenant.product, sealer), secret: null, warnings };
  }

  async delete(tenant: Tenant, id: string): Promise<void> {
    await this.#change(tenant, async (transaction) => {
      if (!isUuid(id) || !(await deleteWebhook(transaction, id, tenant.organization.key))) throw noWebhook();
    });
  }

  /** Makes it active: what was held goes out. */
  async enable(tenant: Tenant, id: string): Promise<ResolvedWebhook> {
    return this.#setStatus(tenant, id, 'active');
  }

  /** Holds its deliveries until it is enabled. */
  async pause(tenant: Tenant, id: string): Promise<ResolvedWebhook> {
    return this.#setStatus(tenant, id, 'paused');
  }

  /** A new secret; the old ones go on signing beside it for the overlap. */
  async rotateSecret(
    tenant: Tenant,
    id: string,
    input: { overlapSeconds?: number | undefined; secret?: string | undefined },
  ): Promise<CreatedWebhook> {
    const { sealer, now } = this.#options;
    const secret = input.secret || generateSecret();
    const errors = checkSecret(secret);
    if (errors.length > 0) throw invalid(errors);
    const overlapEnds = new Date(now() + (input.overlapSeconds ?? DEFAULT_OVERLAP_SECONDS) * 1_000);
    const row = await this.#change(tenant, async (transaction) => {
      const current = await lock(transaction, tenant, id);
      const overlapping = openSecrets(current, sealer)
        .map((old) => ({ ...old, expiresAt: old.expiresAt !== null && old.expiresAt < overlapEnds ? old.expiresAt : overlapEnds }))
        .filter((old) => old.expiresAt.getTime() > now());
      const secrets = sealSecrets(id, [{ secret, expiresAt: null }, ...overlapping], sealer);
      const settings = { ...plain(inputOf(current, sealer)), headers: current.headers, secrets };
      return present(await updateWebhook(transaction, { id, organizationKey: tenant.organization.key, settings }));
    });
    return { webhook: resolveWebhook(row, tenant.product, sealer), secret, warnings: [] };
  }

  #check(tenant: Tenant, input: WebhookInput, more: readonly FieldError[]): readonly Warning[] {
    const { errors, warnings, blocked } = checkWebhookInput(input, tenant.product, this.#options.allowedTargets);
    const all = [...errors, ...more];
    if (all.length === 0) return warnings;
    throw blocked && all.length === 1 ? new PosthornError('blocked_url', all[0]?.message ?? '', { errors: all }) : invalid(all);
  }

  async #setStatus(tenant: Tenant, id: string, status: 'active' | 'paused'): Promise<ResolvedWebhook> {
    const organizationKey = tenant.organization.key;
    const row = await this.#change(tenant, async (transaction) => {
      const current = await lock(transaction, tenant, id);
      if (status === 'paused' && current.status === 'failed') {
        throw new PosthornError('conflict', 'The webhook is marked failed: it gets nothing anyway. Enable it to go on.');
      }
      const changed = present(await setWebhookStatus(transaction, { id, organizationKey, status, reason: null }));
      if (status === 'active') await releaseHeld(transaction, id);
      return changed;
    });
    return resolveWebhook(row, tenant.product, this.#options.sealer);
  }

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

async function lock(transaction: Queryable, tenant: Tenant, id: string): Promise<WebhookRow> {
  const row = isUuid(id) ? await lockWebhook(transaction, id, tenant.organization.key) : null;
  return row ?? raise(noWebhook());
}

/** What a webhook was told, to be told again with changes. */
function inputOf(row: WebhookRow, sealer: Sealer): WebhookInput {
  return {
    url: row.url,
    description: row.description,
    events: row.events,
    scope: row.scope,
    method: row.method,
    contentType: row.content_type,
    headers: openHeaders(row, sealer),
    retry: row.retry,
    success: row.success,
    timeoutMs: row.timeout_ms,
    rateLimit: row.rate_limit,
    ordered: row.ordered,
  };
}

function plain(input: WebhookInput): Omit<WebhookSettings, 'headers' | 'secrets'> {
  return {
    url: input.url,
    description: input.description ?? null,
    events: input.events,
    scope: input.scope ?? null,
    method: input.method ?? null,
    contentType: input.contentType ?? null,
    retry: input.retry ?? null,
    success: input.success ?? null,
    timeoutMs: input.timeoutMs ?? null,
    rateLimit: input.rateLimit ?? null,
    ordered: input.ordered ?? null,
  };
}

function withoutUndefined<Value extends object>(value: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<Value>;
}

function present(row: WebhookRow | null): WebhookRow {
  return row ?? raise(noWebhook());
}

function raise(error: Error): never {
  throw error;
}

export function noWebhook(): PosthornError {
  return new PosthornError('not_found', 'There is no such webhook in this organization.');
}

function invalid(errors: readonly FieldError[]): PosthornError {
  const [first] = errors;
  return new PosthornError('invalid_request', first ? `${first.path} ${first.message}` : 'The webhook is not valid.', { errors });
}

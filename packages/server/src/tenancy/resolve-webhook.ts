import type { HeaderList, RetryPlan, SuccessRule, WebhookContentType, WebhookMethod, WebhookStatus } from '@posthorn/protocol';
import { createSigner, type Signer } from '@posthorn/protocol/signing';
import type { Product } from '../catalog/product.ts';
import type { AttemptMask } from '../sealing/attempt-mask.ts';
import type { Sealer } from '../sealing/sealer.ts';
import type { DeliveringWebhookRow, WebhookRow } from '../store/tenants.ts';
import { SharedSettings, type DeliverySettings, type Opened, type OpenedSecrets, type Subscription } from './shared-settings.ts';
import { createMask } from './webhook-mask.ts';
import { openHeaders, openSecrets, publicKey } from './webhook-secrets.ts';

/** A webhook for matching and delivery. Settings that it leaves open come from its product's policy. */
export interface ResolvedWebhook {
  readonly id: string;
  readonly organizationKey: number;
  readonly url: string;
  readonly events: readonly string[];
  readonly scope: string | null;
  readonly method: WebhookMethod;
  readonly contentType: WebhookContentType;
  /** The product's fixed headers and the webhook's own. Own headers replace fixed ones of the same name. */
  readonly headers: HeaderList;
  readonly hasSecret: boolean;
  readonly success: SuccessRule;
  readonly retry: RetryPlan;
  readonly timeoutMs: number;
  /** Deliveries per second; null: no limit. */
  readonly rateLimit: number | null;
  readonly ordered: boolean;
  readonly status: WebhookStatus;
  readonly whenExhausted: 'nothing' | 'fail-webhook';
  readonly disableAfterMs: number | null;
  /** Outcomes of attempts count only for the version under which they were sent. */
  readonly healthVersion: number;
  readonly formParameter: string;
  /** Hides the webhook's credentials in its attempts. */
  readonly mask: AttemptMask;
  /** Returns a signer with the secrets valid at this time. */
  signer(nowMs: number): Signer;
  /** Whether it subscribes to the event type. */
  wants(type: string): boolean;
}

/** A webhook with all fields that the API shows. */
export interface ShownWebhook extends ResolvedWebhook {
  readonly description: string | null;
  /** The webhook's own headers, without the product's. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  /** The public key for verification if it signs with an ed25519 key; null: receivers need the secret. */
  readonly publicKey: string | null;
  readonly statusReason: string | null;
  readonly statusChangedAt: Date;
  readonly failingSince: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Resolves a webhook for the cache. Cached webhooks share equal settings: there may be 100,000 of them. */
export function resolveWebhook(row: DeliveringWebhookRow, shared: SharedSettings): ResolvedWebhook {
  return new KeptWebhook(row, shared);
}

/** Resolves a webhook for the API. */
export function showWebhook(row: WebhookRow, product: Product, sealer: Sealer): ShownWebhook {
  return new CompleteWebhook(row, new SharedSettings(product, sealer));
}

class KeptWebhook implements ResolvedWebhook, Opened {
  readonly id: string;
  readonly organizationKey: number;
  readonly url: string;
  readonly scope: string | null;
  readonly status: WebhookStatus;
  readonly healthVersion: number;
  readonly #subscription: Subscription;
  readonly #settings: DeliverySettings;
  readonly #shared: SharedSettings;
  /** Sealed bytes as a latin1 string, which takes half of a Buffer's memory. */
  readonly #secrets: string | null;
  readonly #headers: string | null;
  #opened: OpenedSecrets | null = null;

  constructor(row: DeliveringWebhookRow, shared: SharedSettings) {
    this.id = row.id;
    this.organizationKey = row.organization_key;
    this.url = row.url;
    this.scope = row.scope;
    this.status = sameText(row.status);
    this.healthVersion = row.health_version;
    this.#subscription = shared.subscription(row.events);
    this.#settings = shared.settings(row);
    this.#shared = shared;
    this.#secrets = row.secrets?.toString('latin1') ?? null;
    this.#headers = row.headers?.toString('latin1') ?? null;
  }

  get events(): readonly string[] {
    return this.#subscription.events;
  }
  get method(): WebhookMethod {
    return this.#settings.method;
  }
  get contentType(): WebhookContentType {
    return this.#settings.contentType;
  }
  get hasSecret(): boolean {
    return this.#secrets !== null;
  }
  get success(): SuccessRule {
    return this.#settings.success;
  }
  get retry(): RetryPlan {
    return this.#settings.retry;
  }
  get timeoutMs(): number {
    return this.#settings.timeoutMs;
  }
  get rateLimit(): number | null {
    return this.#settings.rateLimit;
  }
  get ordered(): boolean {
    return this.#settings.ordered;
  }
  get whenExhausted(): 'nothing' | 'fail-webhook' {
    return this.#shared.product.policy.whenExhausted;
  }
  get disableAfterMs(): number | null {
    return this.#shared.product.policy.disableAfterMs;
  }
  get formParameter(): string {
    return this.#shared.product.policy.formParameter;
  }
  get headers(): HeaderList {
    return (this.#opened ?? this.#open(Date.now())).headers;
  }

  get mask(): AttemptMask {
    return (this.#opened ?? this.#open(Date.now())).mask;
  }

  signer(nowMs: number): Signer {
    return this.#opened && nowMs < this.#opened.until ? this.#opened.signer : this.#open(nowMs).signer;
  }

  wants(type: string): boolean {
    return this.#subscription.patterns.matches(type);
  }

  close(): void {
    this.#opened = null;
  }

  #open(nowMs: number): OpenedSecrets {
    const { product, sealer } = this.#shared;
    const row = { id: this.id, secrets: bytesOf(this.#secrets), headers: bytesOf(this.#headers) };
    const secrets = openSecrets(row, sealer);
    const own = openHeaders(row, sealer);
    const holding = secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt.getTime() > nowMs);
    const signer = createSigner(
      product.policy.signatures,
      holding.map(({ secret }) => secret),
    );
    const until = Math.min(...holding.map(({ expiresAt }) => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY));
    if (this.#opened === null) this.#shared.opened(this);
    const mask = createMask(
      own,
      secrets.map(({ secret }) => secret),
    );
    this.#opened = { signer, mask, until, headers: mergeHeaders(product.policy.headers, own) };
    return this.#opened;
  }
}

class CompleteWebhook extends KeptWebhook implements ShownWebhook {
  readonly description: string | null;
  readonly ownHeaders: Readonly<Record<string, string>>;
  readonly publicKey: string | null;
  readonly statusReason: string | null;
  readonly statusChangedAt: Date;
  readonly failingSince: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;

  constructor(row: WebhookRow, shared: SharedSettings) {
    super(row, shared);
    this.description = row.description;
    this.ownHeaders = openHeaders(row, shared.sealer);
    this.publicKey = publicKey(openSecrets(row, shared.sealer));
    this.statusReason = row.status_reason;
    this.statusChangedAt = row.status_changed_at;
    this.failingSince = row.failing_since;
    this.createdAt = row.created_at;
    this.updatedAt = row.updated_at;
  }
}

/** Shared by all webhooks without headers. */
const NO_HEADERS: HeaderList = [];

function mergeHeaders(fixed: Readonly<Record<string, string>>, own: Readonly<Record<string, string>>): HeaderList {
  const replaced = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const merged = [...Object.entries(fixed).filter(([name]) => !replaced.has(name.toLowerCase())), ...Object.entries(own)];
  return merged.length === 0 ? NO_HEADERS : merged;
}

function bytesOf(latin1: string | null): Buffer | null {
  return latin1 === null ? null : Buffer.from(latin1, 'latin1');
}

/** Returns a string literal instead of the row's string, so that all webhooks share it. */
function sameText(status: WebhookStatus): WebhookStatus {
  return status === 'active' ? 'active' : status === 'paused' ? 'paused' : 'failed';
}

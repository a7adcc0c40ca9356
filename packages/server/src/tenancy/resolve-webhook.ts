import {
  compileEventPatterns,
  type EventPatterns,
  type HeaderList,
  type RetryPlan,
  type SuccessRule,
  type WebhookContentType,
  type WebhookMethod,
  type WebhookStatus,
} from '@posthorn/protocol';
import { createSigner, type Signer } from '@posthorn/protocol/signing';
import { aliasesIn } from '../catalog/load-product.ts';
import type { Product } from '../catalog/product.ts';
import type { Sealer } from '../store/sealing.ts';
import type { WebhookRow } from '../store/tenants.ts';
import { openHeaders, openSecrets, publicKey } from './webhook-secrets.ts';

/** A webhook with everything it leaves open filled in from its product's policy. */
export interface ResolvedWebhook {
  readonly id: string;
  readonly organizationKey: number;
  readonly url: string;
  readonly description: string | null;
  readonly events: readonly string[];
  readonly scope: string | null;
  readonly method: WebhookMethod;
  readonly contentType: WebhookContentType;
  /** The product's fixed headers, then the webhook's own. */
  readonly headers: HeaderList;
  readonly hasSecret: boolean;
  /** What receivers verify with where it signs with an ed25519 key; null: they need the secret. */
  readonly publicKey: string | null;
  readonly success: SuccessRule;
  readonly retry: RetryPlan;
  readonly timeoutMs: number;
  /** Deliveries per second; null: no limit. */
  readonly rateLimit: number | null;
  readonly ordered: boolean;
  readonly status: WebhookStatus;
  readonly statusReason: string | null;
  readonly statusChangedAt: Date;
  readonly whenExhausted: 'nothing' | 'fail-webhook';
  readonly disableAfterMs: number | null;
  readonly failingSince: Date | null;
  readonly formParameter: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Signs with the secrets that hold at the moment. */
  signer(nowMs: number): Signer;
  /** Whether it subscribes to the type. */
  wants(type: string): boolean;
}

/**
 * Fills a webhook in. A class with getters rather than a copied object: a hundred thousand of them are kept, and
 * secrets are opened only when something is sent.
 */
export function resolveWebhook(row: WebhookRow, product: Product, sealer: Sealer): ResolvedWebhook {
  return new StoredWebhook(row, product, sealer);
}

class StoredWebhook implements ResolvedWebhook {
  readonly #row: WebhookRow;
  readonly #product: Product;
  readonly #sealer: Sealer;
  #patterns: EventPatterns | null = null;
  #headers: HeaderList | null = null;
  #signer: { readonly signer: Signer; readonly until: number } | null = null;

  constructor(row: WebhookRow, product: Product, sealer: Sealer) {
    this.#row = row;
    this.#product = product;
    this.#sealer = sealer;
  }

  get id(): string {
    return this.#row.id;
  }
  get organizationKey(): number {
    return this.#row.organization_key;
  }
  get url(): string {
    return this.#row.url;
  }
  get description(): string | null {
    return this.#row.description;
  }
  get events(): readonly string[] {
    return this.#row.events;
  }
  get scope(): string | null {
    return this.#row.scope;
  }
  get method(): WebhookMethod {
    return this.#row.method ?? this.#product.policy.methods[0] ?? 'POST';
  }
  get contentType(): WebhookContentType {
    return this.#row.content_type ?? this.#product.policy.contentTypes[0] ?? 'application/json';
  }
  get headers(): HeaderList {
    this.#headers ??= [...Object.entries(this.#product.policy.headers), ...Object.entries(openHeaders(this.#row, this.#sealer))];
    return this.#headers;
  }
  get hasSecret(): boolean {
    return this.#row.secrets !== null;
  }
  get publicKey(): string | null {
    return publicKey(openSecrets(this.#row, this.#sealer));
  }
  get success(): SuccessRule {
    return this.#row.success ?? this.#product.policy.success;
  }
  get retry(): RetryPlan {
    return this.#row.retry ?? this.#product.policy.retry;
  }
  get timeoutMs(): number {
    return this.#row.timeout_ms ?? this.#product.policy.timeoutMs;
  }
  get rateLimit(): number | null {
    return this.#row.rate_limit;
  }
  get ordered(): boolean {
    return this.#row.ordered ?? this.#product.policy.ordered;
  }
  get status(): WebhookStatus {
    return this.#row.status;
  }
  get statusReason(): string | null {
    return this.#row.status_reason;
  }
  get statusChangedAt(): Date {
    return this.#row.status_changed_at;
  }
  get whenExhausted(): 'nothing' | 'fail-webhook' {
    return this.#product.policy.whenExhausted;
  }
  get disableAfterMs(): number | null {
    return this.#product.policy.disableAfterMs;
  }
  get failingSince(): Date | null {
    return this.#row.failing_since;
  }
  get formParameter(): string {
    return this.#product.policy.formParameter;
  }
  get createdAt(): Date {
    return this.#row.created_at;
  }
  get updatedAt(): Date {
    return this.#row.updated_at;
  }

  signer(nowMs: number): Signer {
    if (this.#signer && nowMs < this.#signer.until) return this.#signer.signer;
    const holding = openSecrets(this.#row, this.#sealer).filter(({ expiresAt }) => expiresAt === null || expiresAt.getTime() > nowMs);
    const until = Math.min(...holding.map(({ expiresAt }) => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY));
    this.#signer = {
      signer: createSigner(
        this.#product.policy.signatures,
        holding.map(({ secret }) => secret),
      ),
      until,
    };
    return this.#signer.signer;
  }

  wants(type: string): boolean {
    this.#patterns ??= compileEventPatterns(this.#row.events, aliasesIn(this.#product));
    return this.#patterns.matches(type);
  }
}

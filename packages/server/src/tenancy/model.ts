import type { RetryPlan, SuccessRule, WebhookContentType, WebhookMethod, WebhookStatus } from '@posthorn/protocol';

/** A tenant. `key` is the short internal number that tables carry; `id` is what callers say. */
export interface Organization {
  readonly key: number;
  readonly id: string;
  readonly name: string;
  readonly product: string;
  readonly timeZone: string | null;
  readonly inbound: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A webhook's secret with its overlap: after `expiresAt` it no longer signs. */
export interface WebhookSecret {
  readonly secret: string;
  /** null: the current one. */
  readonly expiresAt: Date | null;
}

/** A registered endpoint as stored; null means: as the product's policy says. */
export interface Webhook {
  readonly id: string;
  readonly organizationKey: number;
  readonly url: string;
  readonly description: string | null;
  readonly events: readonly string[];
  readonly scope: string | null;
  readonly method: WebhookMethod | null;
  readonly contentType: WebhookContentType | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly WebhookSecret[];
  readonly retry: RetryPlan | null;
  readonly success: SuccessRule | null;
  readonly timeoutMs: number | null;
  /** Deliveries per second; null: no limit. */
  readonly rateLimit: number | null;
  readonly ordered: boolean | null;
  readonly status: WebhookStatus;
  readonly statusReason: string | null;
  readonly statusChangedAt: Date;
  /** Since when there was nothing but failure; null: the last attempt succeeded, or none was made. */
  readonly failingSince: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

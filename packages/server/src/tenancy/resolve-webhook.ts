import type { HeaderList, RetryPlan, SuccessRule, WebhookContentType, WebhookMethod, WebhookStatus } from '@posthorn/protocol';
import { createSigner, type Signer } from '@posthorn/protocol/signing';
import type { Product } from '../catalog/product.ts';
import type { Webhook } from './model.ts';

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
  /** Signs with the secrets that hold at the moment; made when first needed. */
  signer(nowMs: number): Signer;
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
  readonly failingSince: Date | null;
  readonly formParameter: string;
}

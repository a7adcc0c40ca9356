import type { Product } from '../catalog/product.ts';
import type { Organization } from './model.ts';
import type { ResolvedWebhook } from './resolve-webhook.ts';

/** An organization with its product and webhooks at one version. */
export interface Tenant {
  readonly organization: Organization;
  /** Increases with every change that may affect which webhooks an event matches. */
  readonly version: number;
  readonly product: Product;
  readonly webhooks: ReadonlyMap<string, ResolvedWebhook>;
  /** Whether this is the directory's current copy. false once the organization may have changed. */
  readonly isCurrent: boolean;
  /** Returns the matching webhooks: active and paused ones (whose deliveries are held), but not failed ones. */
  match(type: string, scope: string | null): readonly ResolvedWebhook[];
  /** Whether a webhook's scope and patterns match the event, regardless of its status. */
  wants(webhook: ResolvedWebhook, type: string, scope: string | null): boolean;
}

import type { SuccessRule } from '@posthorn/protocol';
import { maskHeaders } from '../../sealing/attempt-mask.ts';
import type { ShownWebhook } from '../../tenancy/resolve-webhook.ts';
import type { WebhookInput } from '../../tenancy/webhook-input.ts';

/** Returns a webhook as the API shows it, without its secret. */
export function webhookJson(webhook: ShownWebhook) {
  return {
    id: webhook.id,
    url: webhook.url,
    description: webhook.description,
    events: [...webhook.events],
    scope: webhook.scope,
    method: webhook.method,
    contentType: webhook.contentType,
    headers: Object.fromEntries(maskHeaders(Object.entries(webhook.ownHeaders))),
    hasSecret: webhook.hasSecret,
    publicKey: webhook.publicKey,
    retry: webhook.retry,
    success: webhook.success,
    timeoutMs: webhook.timeoutMs,
    rateLimit: webhook.rateLimit,
    ordered: webhook.ordered,
    status: webhook.status,
    statusReason: webhook.statusReason,
    statusChangedAt: webhook.statusChangedAt.toISOString(),
    failingSince: webhook.failingSince?.toISOString() ?? null,
    createdAt: webhook.createdAt.toISOString(),
    updatedAt: webhook.updatedAt.toISOString(),
  };
}

/** The body of a request that creates or updates a webhook. */
export interface WebhookBody extends Omit<WebhookInput, 'url' | 'events' | 'success'> {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly success?: { readonly status: SuccessRule['status']; readonly bodyContains?: string | null } | null;
  readonly secret?: string;
  readonly status?: 'active' | 'paused';
}

/** Converts a body to the service's input. Has only the fields that were sent. */
export function webhookChange(body: WebhookBody): Partial<WebhookInput> & { secret?: string; status?: 'active' | 'paused' } {
  const { success, ...rest } = body;
  return {
    ...rest,
    ...(success === undefined
      ? {}
      : { success: success === null ? null : { status: success.status, bodyContains: success.bodyContains ?? null } }),
  };
}

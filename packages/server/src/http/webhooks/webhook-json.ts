import type { SuccessRule } from '@posthorn/protocol';
import { maskHeaders } from '../../store/attempt-mask.ts';
import type { ShownWebhook } from '../../tenancy/resolve-webhook.ts';
import type { WebhookInput } from '../../tenancy/webhook-input.ts';

/** A webhook as the API shows it: never its secret. */
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

/** The body of a creation or change. */
export interface WebhookBody extends Omit<WebhookInput, 'url' | 'events' | 'success'> {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly success?: { readonly status: SuccessRule['status']; readonly bodyContains?: string | null } | null;
  readonly secret?: string;
  readonly status?: 'active' | 'paused';
}

/** What of a body the service takes; only fields that were sent are there. */
export function webhookChange(body: WebhookBody): Partial<WebhookInput> & { secret?: string; status?: 'active' | 'paused' } {
  const { success, ...rest } = body;
  return {
    ...rest,
    ...(success === undefined
      ? {}
      : { success: success === null ? null : { status: success.status, bodyContains: success.bodyContains ?? null } }),
  };
}

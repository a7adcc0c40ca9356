import { PosthornError, type RetryPlan, type SuccessRule } from '@posthorn/protocol';
import { maskHeaders } from '../../store/attempt-record.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { WebhookInput } from '../../tenancy/webhook-input.ts';

/** A webhook as the API shows it: never its secret. */
export function webhookJson(webhook: ResolvedWebhook, productHeaders: Readonly<Record<string, string>>) {
  const own = webhook.headers.slice(Object.keys(productHeaders).length);
  return {
    id: webhook.id,
    url: webhook.url,
    description: webhook.description,
    events: [...webhook.events],
    scope: webhook.scope,
    method: webhook.method,
    contentType: webhook.contentType,
    headers: Object.fromEntries(maskHeaders(own)),
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

interface RetryJson {
  readonly kind: 'none' | 'list' | 'fixed' | 'exponential';
  readonly delaysMs?: readonly number[];
  readonly delayMs?: number;
  readonly firstMs?: number;
  readonly factor?: number;
  readonly maxMs?: number;
  readonly retries?: number;
  readonly jitter?: number;
}

/** The body of a creation or change. */
export interface WebhookBody extends Omit<WebhookInput, 'url' | 'events' | 'retry' | 'success'> {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly retry?: RetryJson | null;
  readonly success?: { readonly status: SuccessRule['status']; readonly bodyContains?: string | null } | null;
  readonly secret?: string;
  readonly status?: 'active' | 'paused';
}

/** What of a body the service takes; only fields that were sent are there. */
export function webhookChange(body: WebhookBody): Partial<WebhookInput> & { secret?: string; status?: 'active' | 'paused' } {
  const { retry, success, ...rest } = body;
  return {
    ...rest,
    ...(retry === undefined ? {} : { retry: retry === null ? null : retryPlan(retry) }),
    ...(success === undefined
      ? {}
      : { success: success === null ? null : { status: success.status, bodyContains: success.bodyContains ?? null } }),
  };
}

const PLAN_FIELDS = {
  none: [],
  list: ['delaysMs'],
  fixed: ['delayMs', 'retries'],
  exponential: ['firstMs', 'factor', 'maxMs', 'retries'],
} as const;

/** Throws `invalid_request` where the plan's kind and its fields do not fit together. */
function retryPlan(json: RetryJson): RetryPlan {
  const wanted: readonly string[] = PLAN_FIELDS[json.kind];
  const given = Object.keys(json).filter((field) => field !== 'kind' && field !== 'jitter');
  const errors = [
    ...wanted
      .filter((field) => !given.includes(field))
      .map((field) => ({ path: `/retry/${field}`, rule: 'required', message: `is required of kind ${json.kind}` })),
    ...given
      .filter((field) => !wanted.includes(field))
      .map((field) => ({ path: `/retry/${field}`, rule: 'unknown_field', message: `does not belong to kind ${json.kind}` })),
  ];
  if (errors.length > 0) throw new PosthornError('invalid_request', `${errors[0]?.path} ${errors[0]?.message}.`, { errors });
  const jitter = json.jitter === undefined ? {} : { jitter: json.jitter };
  switch (json.kind) {
    case 'none':
      return { kind: 'none' };
    case 'list':
      return { kind: 'list', delaysMs: json.delaysMs ?? [], ...jitter };
    case 'fixed':
      return { kind: 'fixed', delayMs: json.delayMs ?? 0, retries: json.retries ?? 0, ...jitter };
    case 'exponential':
      return {
        kind: 'exponential',
        firstMs: json.firstMs ?? 0,
        factor: json.factor ?? 1,
        maxMs: json.maxMs ?? 0,
        retries: json.retries ?? 0,
        ...jitter,
      };
  }
}

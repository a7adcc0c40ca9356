import { isDeepStrictEqual } from 'node:util';
import type { FieldError } from '@posthorn/protocol';
import { MASK } from '../sealing/attempt-mask.ts';
import type { Sealer } from '../sealing/sealer.ts';
import type { WebhookRow } from '../store/tenants.ts';
import type { WebhookSettings } from '../store/webhooks.ts';
import type { WebhookInput } from './webhook-input.ts';
import { openHeaders } from './webhook-secrets.ts';

/** Returns a stored webhook's settings as input, to apply changes to. */
export function inputOf(row: WebhookRow, sealer: Sealer): WebhookInput {
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

/** Returns the settings that are stored unencrypted. */
export function plainSettings(input: WebhookInput): Omit<WebhookSettings, 'headers' | 'secrets'> {
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

/** Applies a change to an input. Undefined fields stay unchanged. */
export function changed(input: WebhookInput, change: Partial<WebhookInput>): WebhookInput {
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  return { ...input, ...given, ...(change.headers ? { headers: unmasked(change.headers, input.headers ?? {}) } : {}) };
}

/** Replaces masked values with the stored ones: the API shows credentials masked, and clients may send them back. */
function unmasked(headers: Readonly<Record<string, string>>, current: Readonly<Record<string, string>>): Record<string, string> {
  const known = new Map(Object.entries(current).map(([name, value]) => [name.toLowerCase(), value]));
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value === MASK ? (known.get(name.toLowerCase()) ?? value) : value]),
  );
}

/**
 * Returns an error if a change would send stored header values to another origin. The API doesn't show credentials, but
 * a caller who may change the URL could receive them there.
 */
export function headersForOtherOrigin(before: WebhookInput, change: Partial<WebhookInput>): FieldError[] {
  if (change.url === undefined || change.headers === null || URL.parse(change.url)?.origin === URL.parse(before.url)?.origin) return [];
  const names = Object.keys(before.headers ?? {});
  const kept = change.headers === undefined ? names : namesOfMasked(change.headers, names);
  if (kept.length === 0) return [];
  const message = `must be given again with their values, or left out, because the URL changes to another origin: ${kept.join(', ')}`;
  return [{ path: '/headers', rule: 'other_origin', message }];
}

function namesOfMasked(headers: Readonly<Record<string, string>>, known: readonly string[]): string[] {
  const masked = new Set(Object.entries(headers).flatMap(([name, value]) => (value === MASK ? [name.toLowerCase()] : [])));
  return known.filter((name) => masked.has(name.toLowerCase()));
}

/** Returns the errors of changed fields. Stored fields stay valid even if the product has become stricter. */
export function ofChange(errors: readonly FieldError[], change: object): FieldError[] {
  return errors.filter(({ path }) => {
    const field = path.split('/', 2)[1] ?? '';
    return field in change;
  });
}

/** Whether a change affects how attempts are sent or judged, so that the endpoint's health must be reset. */
export function changesAttempts(before: WebhookInput, after: WebhookInput): boolean {
  return !isDeepStrictEqual(attemptSettings(before), attemptSettings(after));
}

function attemptSettings(input: WebhookInput) {
  const { url, method = null, contentType = null, success = null, timeoutMs = null } = input;
  return { url, method, contentType, success, timeoutMs, headers: Object.entries(input.headers ?? {}) };
}

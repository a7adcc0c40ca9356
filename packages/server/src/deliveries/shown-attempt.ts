import { encodeContent, type Attempt, type WebhookContentType } from '@posthorn/protocol';
import type { Product } from '../catalog/product.ts';
import { maskHeadersThat, maskRequestHeaders, maskResponseHeaders, maskText, NO_MASK, type AttemptMask } from '../sealing/attempt-mask.ts';
import { decodeAttempt, type StoredAttempt } from '../store/attempt-record.ts';
import type { ResolvedWebhook } from '../tenancy/resolve-webhook.ts';
import { productHeaderNames } from '../tenancy/webhook-mask.ts';

export interface AttemptContext {
  readonly product: Product;
  /** null if the webhook was deleted. */
  readonly webhook: ResolvedWebhook | null;
  /** The event's body; null if the event is no longer stored. */
  readonly body: Buffer | null;
}

/** Returns a full attempt; its request body is derived from the event. Masks again, as earlier versions masked less. */
export function shownAttempt(bytes: Buffer, { product, webhook, body }: AttemptContext): Attempt {
  const attempt = decodeAttempt(bytes);
  const mask = maskOf(webhook);
  const known = productHeaderNames(product);
  const headers = maskHeadersThat(maskRequestHeaders(attempt.request.headers, mask), (name) => !known.has(name.toLowerCase()));
  const { response } = attempt;
  return {
    ...attempt,
    request: { ...attempt.request, headers, body: body === null ? '' : requestBody(attempt, body, product.policy.formParameter) },
    response: response && { ...response, headers: maskResponseHeaders(response.headers, mask), body: maskText(response.body, mask) },
  };
}

function maskOf(webhook: ResolvedWebhook | null): AttemptMask {
  try {
    return webhook?.mask ?? NO_MASK;
  } catch {
    // The secret is sealed with a key that is not configured. What was masked when it was stored stays masked.
    return NO_MASK;
  }
}

function requestBody({ request }: StoredAttempt, body: Buffer, formParameter: string): string {
  if (request.method === 'GET') return '';
  const type = request.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const contentType: WebhookContentType = type === 'application/x-www-form-urlencoded' ? type : 'application/json';
  const content = encodeContent(body, { url: request.url, method: 'POST', contentType, formParameter });
  return content.body === null ? '' : Buffer.from(content.body).toString();
}

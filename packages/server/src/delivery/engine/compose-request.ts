import { encodeContent } from '@posthorn/protocol';
import type { LoggedEvent } from '../../intake/log-owner.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import { VERSION } from '../../telemetry/version.ts';
import type { OutgoingRequest } from '../sender/exchange.ts';

const USER_AGENT = `Posthorn/${VERSION}`;

/** Composes an attempt's request: the stored body in the webhook's encoding, with its headers, signed now. */
export function composeRequest(event: LoggedEvent, webhook: ResolvedWebhook, nowMs: number): OutgoingRequest {
  const content = encodeContent(event.body, webhook);
  const headers: [string, string][] = [['user-agent', USER_AGENT]];
  if (content.contentType !== null) headers.push(['content-type', content.contentType]);
  for (const [name, value] of webhook.headers) headers.push([name, value]);
  const id = event.externalId ?? event.id;
  const signed = { id, timestampSeconds: Math.floor(nowMs / 1_000), body: event.body, wire: content.signed };
  const sent = content.body ?? queryAsSent(content.url);
  const toSign = sent === event.body ? signed : { ...signed, sent };
  for (const header of webhook.signer(nowMs).headers(toSign)) headers.push(header);
  return {
    url: content.url,
    method: webhook.method,
    headers,
    body: content.body,
    timeoutMs: webhook.timeoutMs,
    organizationKey: event.organizationKey,
    webhookId: webhook.id,
  };
}

/** The sender normalizes the URL, so the webhook's own parameters may be escaped differently than entered. */
function queryAsSent(url: string): Uint8Array {
  return Buffer.from(URL.parse(url)?.search.slice(1) ?? '');
}

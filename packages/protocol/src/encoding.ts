import type { Json, WebhookContentType, WebhookMethod } from './product.ts';

export interface EncodeOptions {
  readonly url: string;
  readonly method: WebhookMethod;
  readonly contentType: WebhookContentType;
  /** The parameter that carries the JSON of a form-encoded body. */
  readonly formParameter: string;
}

/** An event as it goes on the wire. */
export interface EncodedContent {
  readonly url: string;
  /** null: there is no body. */
  readonly contentType: WebhookContentType | null;
  readonly body: Uint8Array | null;
  /** What legacy signatures cover: the body, or for GET the query string that was added. */
  readonly signed: Uint8Array | string;
}

/** Longer URLs are refused by common servers and proxies. */
const MAX_URL_CHARACTERS = 8_000;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Encodes the stored JSON body for a webhook. Pure: the same body and settings give the same bytes in every retry. */
export function encodeContent(json: Uint8Array, options: EncodeOptions): EncodedContent {
  if (options.method === 'GET') return encodeQuery(json, options.url);
  if (options.contentType === 'application/json') {
    return { url: options.url, contentType: options.contentType, body: json, signed: json };
  }
  const form = encoder.encode(new URLSearchParams([[options.formParameter, decoder.decode(json)]]).toString());
  return { url: options.url, contentType: options.contentType, body: form, signed: form };
}

/** Each top-level key of the body becomes a parameter that holds its JSON; the URL's own parameters stay. */
function encodeQuery(json: Uint8Array, url: string): EncodedContent {
  const parts = topLevel(JSON.parse(decoder.decode(json)) as Json);
  const full = queryOf(parts);
  const signed = url.length + 1 + full.length <= MAX_URL_CHARACTERS ? full : queryOf(parts.map(shrink));
  const separator = !url.includes('?') ? '?' : url.endsWith('?') || url.endsWith('&') ? '' : '&';
  return { url: url + separator + signed, contentType: null, body: null, signed };
}

function topLevel(body: Json): [string, Json][] {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? Object.entries(body) : [['payload', body]];
}

function queryOf(parts: readonly (readonly [string, Json])[]): string {
  return new URLSearchParams(parts.map(([name, value]) => [name, JSON.stringify(value)])).toString();
}

/** An object that does not fit shrinks to its id; the event itself stays whole. */
function shrink([name, value]: readonly [string, Json]): [string, Json] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject && name !== 'event' && value['id'] !== undefined ? [name, { id: value['id'] }] : [name, value];
}

import { ExactNumber } from './exact-number.ts';
import { parseJson } from './parse-json.ts';
import type { WebhookContentType, WebhookMethod } from './product.ts';
import type { Json } from './json.ts';

export interface EncodeOptions {
  readonly url: string;
  readonly method: WebhookMethod;
  readonly contentType: WebhookContentType;
  /** The parameter that carries the JSON of a form-encoded body. */
  readonly formParameter: string;
}

/** An event as it is sent. */
export interface EncodedContent {
  readonly url: string;
  /** null if there is no body. */
  readonly contentType: WebhookContentType | null;
  readonly body: Uint8Array | null;
  /** What legacy signatures cover: the body, or for GET the added query string. */
  readonly signed: Uint8Array | string;
}

/** Common servers and proxies refuse longer URLs. */
export const MAX_URL_CHARACTERS = 8_000;

/** The query parameter for a body that is not an object and so has no keys. */
const WHOLE_BODY = 'payload';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Encodes the stored JSON body for a webhook. Pure: a retry with the same body and settings sends the same bytes. */
export function encodeContent(json: Uint8Array, options: EncodeOptions): EncodedContent {
  if (options.method === 'GET') return encodeQuery(json, options.url);
  if (options.contentType === 'application/json') {
    return { url: options.url, contentType: options.contentType, body: json, signed: json };
  }
  const form = encoder.encode(new URLSearchParams([[options.formParameter, decoder.decode(json)]]).toString());
  return { url: options.url, contentType: options.contentType, body: form, signed: form };
}

/** Adds each top-level key of the body to the URL's query as a parameter with its JSON. */
function encodeQuery(json: Uint8Array, url: string): EncodedContent {
  const parts = topLevel(parseJson(decoder.decode(json)) as Json);
  const full = queryOf(parts);
  const whole = appendQuery(url, full);
  if (whole.length <= MAX_URL_CHARACTERS) return { url: whole, contentType: null, body: null, signed: full };
  const short = queryOf(parts.map(shrink));
  return { url: appendQuery(url, short), contentType: null, body: null, signed: short };
}

function appendQuery(url: string, query: string): string {
  const hash = url.indexOf('#');
  const [address, fragment] = hash === -1 ? [url, ''] : [url.slice(0, hash), url.slice(hash)];
  const separator = !address.includes('?') ? '?' : /[?&]$/.test(address) ? '' : '&';
  return address + separator + query + fragment;
}

function topLevel(body: Json): [string, Json][] {
  return isObject(body) ? Object.entries(body) : [[WHOLE_BODY, body]];
}

function queryOf(parts: readonly (readonly [string, Json])[]): string {
  return new URLSearchParams(parts.map(([name, value]) => [name, JSON.stringify(value)])).toString();
}

/** Reduces an object to its id, by which the receiver can fetch it. Keeps `event`, which says what happened. */
function shrink([name, value]: readonly [string, Json]): [string, Json] {
  return name !== 'event' && isObject(value) ? [name, { id: value['id'] ?? value[`${name}_id`] ?? null }] : [name, value];
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

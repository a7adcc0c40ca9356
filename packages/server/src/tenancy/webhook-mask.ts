import { PRIVATE_KEY_PREFIX, SYMMETRIC_PREFIX } from '@posthorn/protocol';
import type { Product } from '../catalog/product.ts';
import { NO_MASK, type AttemptMask } from '../sealing/attempt-mask.ts';

/** Shorter values, such as `1` or `staging`, are not hidden: masking them would garble responses. */
const MIN_LENGTH = 8;

/** Headers whose values are common words that responses may contain too. */
const PUBLIC_VALUES: ReadonlySet<string> = new Set(['accept', 'accept-language', 'cache-control', 'pragma']);

/** Shared by all webhooks without custom headers. */
const NO_NAMES = NO_MASK.headerNames;

/** Creates the mask that hides a webhook's own headers and signing secrets in its attempts. */
export function createMask(headers: Readonly<Record<string, string>>, secrets: readonly string[]): AttemptMask {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  if (names.length === 0 && secrets.length === 0) return NO_MASK;
  const texts = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    if (PUBLIC_VALUES.has(name.toLowerCase())) continue;
    for (const part of credentialsIn(value)) addSpellings(part, texts);
  }
  for (const secret of secrets) addSpellings(withoutPrefix(secret), texts);
  return {
    headerNames: names.length === 0 ? NO_NAMES : new Set(names),
    texts: [...texts].sort((one, other) => other.length - one.length),
  };
}

/** Returns the lower-case names of the headers that Posthorn and the product set. All others are a webhook's own. */
export function productHeaderNames({ policy }: Product): ReadonlySet<string> {
  const signatures = policy.signatures.flatMap((scheme) => (scheme.kind === 'hmac' ? [scheme.header] : []));
  const names = ['user-agent', 'content-type', 'webhook-id', 'webhook-timestamp', 'webhook-signature'];
  return new Set([...names, ...signatures, ...Object.keys(policy.headers)].map((name) => name.toLowerCase()));
}

/** Returns a header's value and the credentials within it: `Bearer token`, `Basic base64`, `a=token; b=token`. */
function credentialsIn(value: string): string[] {
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S.*)$/.exec(value) ?? [];
  const basic = scheme.toLowerCase() === 'basic' ? Buffer.from(credentials, 'base64').toString() : '';
  const pairs = value.split(/[;,\s]+/).map((pair) => /^[^=]+=(.+)$/.exec(pair)?.[1]?.replace(/^"(.*)"$/, '$1') ?? '');
  return [value, credentials, basic, basic.slice(basic.indexOf(':') + 1), ...pairs];
}

/** Adds the text as it is, in JSON, in JSON with `\/`, and URL-encoded. */
function addSpellings(text: string, texts: Set<string>): void {
  if (text.length < MIN_LENGTH) return;
  const json = JSON.stringify(text).slice(1, -1);
  for (const spelling of [text, json, json.replaceAll('/', '\\/'), encodeURIComponent(text.toWellFormed())]) texts.add(spelling);
}

/** Removes `whsec_` or `whsk_`: the rest alone would reveal the secret. */
function withoutPrefix(secret: string): string {
  const prefix = [SYMMETRIC_PREFIX, PRIVATE_KEY_PREFIX].find((one) => secret.startsWith(one)) ?? '';
  return secret.slice(prefix.length);
}

import { isIP } from 'node:net';
import { addressAllowed, NO_ALLOWED_TARGETS } from './target-address.ts';
import type { AllowedTargets } from './target-address.ts';

/** The longest URL that a webhook may have, in characters. */
export const MAX_TARGET_URL_LENGTH = 2_048;

/** The rule that a URL breaks. `blocked_url` is also an API error code; the others are rules of the field. */
export type TargetUrlRule =
  | 'too_long'
  | 'control_characters'
  | 'protocol_missing'
  | 'protocol'
  | 'malformed'
  | 'credentials'
  | 'fragment'
  | 'port'
  | 'insecure_url'
  | 'blocked_url';

export type TargetUrlCheck =
  | { readonly ok: true; /** `insecure_url` for plain http. */ readonly warnings: string[] }
  | { readonly ok: false; readonly rule: TargetUrlRule; readonly message: string };

// oxlint-disable-next-line no-control-regex -- it must find control characters
const SPACE_OR_CONTROL = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff]/;

/**
 * Checks a webhook's URL when it is saved, without DNS: names are resolved, and addresses checked, at each connection.
 * Unusual spellings of IP addresses (decimal, octal, hexadecimal, short) are parsed as in the URL standard and checked.
 *
 * @example
 * checkTargetUrl('example.com/x', { url: 'https' }, NO_ALLOWED_TARGETS); // { ok: false, rule: 'protocol_missing', … }
 */
export function checkTargetUrl(url: string, policy: { readonly url: 'https' | 'http-or-https' }, allowed: AllowedTargets): TargetUrlCheck {
  const parsed = parseTargetUrl(url, policy.url);
  if (!(parsed instanceof URL)) return parsed;
  const place = targetPlace(parsed, allowed);
  if (place === 'blocked') {
    return refuse('blocked_url', 'The URL points to a private, loopback, link-local or otherwise reserved address.');
  }
  if (parsed.protocol === 'https:') return { ok: true, warnings: [] };
  if (policy.url === 'https' && place !== 'allowed') {
    return refuse('insecure_url', 'The URL must start with https://. Plain http:// is not accepted.');
  }
  return { ok: true, warnings: ['insecure_url'] };
}

function parseTargetUrl(url: string, protocols: 'https' | 'http-or-https'): URL | (TargetUrlCheck & { ok: false }) {
  if (url.length > MAX_TARGET_URL_LENGTH) {
    return refuse('too_long', `The URL is longer than ${MAX_TARGET_URL_LENGTH} characters.`);
  }
  // The URL parser silently drops tabs and line breaks: the stored URL would differ from the requested one.
  if (SPACE_OR_CONTROL.test(url)) {
    return refuse('control_characters', 'The URL contains spaces, line breaks or other control characters.');
  }
  const wanted = protocols === 'https' ? 'https://' : 'https:// or http://';
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(?![/\\])/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return refuse('protocol_missing', `The URL must be complete and start with its protocol, ${wanted}.`);
  }
  if (scheme !== 'https' && scheme !== 'http') {
    return refuse('protocol', `The URL must start with ${wanted}; ${scheme}:// is not supported.`);
  }
  const parsed = URL.parse(url);
  if (parsed === null || parsed.hostname === '') return refuse('malformed', 'The URL is not valid: its host or port cannot be read.');
  return refuseParts(url, parsed) ?? parsed;
}

function refuseParts(url: string, parsed: URL): (TargetUrlCheck & { ok: false }) | null {
  if (parsed.username !== '' || parsed.password !== '' || /^[^/?#\\]*\/\/[^/?#\\]*@/.test(url)) {
    return refuse('credentials', 'The URL contains a user name or password. Send credentials in a header instead.');
  }
  if (url.includes('#')) return refuse('fragment', 'The URL contains a fragment (#…), which is never sent to a server.');
  if (parsed.port === '0') return refuse('port', 'Port 0 cannot be connected to.');
  return null;
}

function targetPlace({ hostname, port: written, protocol }: URL, allowed: AllowedTargets): 'public' | 'allowed' | 'blocked' {
  const literal = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const port = written === '' ? (protocol === 'https:' ? 443 : 80) : Number(written);
  if (isIP(literal) !== 0) {
    if (addressAllowed(literal, port, NO_ALLOWED_TARGETS)) return 'public';
    return addressAllowed(literal, port, allowed) ? 'allowed' : 'blocked';
  }
  // RFC 6761: these names always resolve to the local machine.
  if (/(?:^|\.)localhost\.?$/i.test(hostname)) {
    return ['127.0.0.1', '::1'].some((ip) => addressAllowed(ip, port, allowed)) ? 'allowed' : 'blocked';
  }
  return 'public';
}

function refuse(rule: TargetUrlRule, message: string): TargetUrlCheck & { ok: false } {
  return { ok: false, rule, message };
}

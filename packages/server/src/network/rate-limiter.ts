import { LRUCache } from 'lru-cache';

/** The limit per name: `perSecond` in the long run, `burst` at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket for each name. The least recently used names are dropped and restart with a full bucket. */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor(rate: Rate, maxNames = 100_000) {
    this.#rate = rate;
    this.#buckets = new LRUCache({ max: maxNames });
  }

  /** Takes a token and returns 0. If there is none, returns the milliseconds until the next one. */
  take(name: string, now: number): number {
    const { perSecond, burst } = this.#rate;
    const bucket = this.#buckets.get(name);
    if (!bucket) {
      this.#buckets.set(name, { tokens: burst - 1, at: now });
      return 0;
    }
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / perSecond) * 1_000);
    bucket.tokens--;
    return 0;
  }
}

/**
 * Returns the name under which an address is counted. IPv6 addresses share one per /64, which a single client may own.
 */
export function sourceName(ip: string): string {
  if (!ip.includes(':') || ip.startsWith('::ffff:')) return ip;
  const [head = '', tail] = ip.split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}

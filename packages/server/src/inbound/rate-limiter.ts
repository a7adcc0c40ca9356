import { LRUCache } from 'lru-cache';

/** How much one name may do: `perSecond` on the long run, `burst` at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket for each name. Names that were not seen for longest are forgotten: they start anew, with a full bucket. */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #buckets: LRUCache<string, Bucket>;

  constructor(rate: Rate, maxNames = 100_000) {
    this.#rate = rate;
    this.#buckets = new LRUCache({ max: maxNames });
  }

  /** Takes a token where there is one: 0. Otherwise answers the milliseconds until the next. */
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

/** The name under which an address is counted: who has one IPv6 address has all of its /64. */
export function sourceName(ip: string): string {
  if (!ip.includes(':') || ip.startsWith('::ffff:')) return ip;
  const [head = '', tail] = ip.split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}

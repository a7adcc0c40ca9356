import { LRUCache } from 'lru-cache';
import { NamedFailure, named } from './failures.ts';
import type { Resolve, ResolvedAddress } from './resolver.ts';

type Addresses = readonly ResolvedAddress[];

const MAX_TTL_SECONDS = 300;
const NEGATIVE_TTL_SECONDS = 5;

/**
 * Caches resolved host names for their time to live (at most 5 min; 5 s if resolving failed). Concurrent lookups of a
 * name share one query.
 */
export class AddressCache {
  readonly #resolve: Resolve;
  readonly #known: LRUCache<string, Addresses>;
  readonly #asked = new Map<string, Promise<Addresses>>();

  constructor(options: { readonly resolve: Resolve; readonly maxNames: number }) {
    this.#resolve = options.resolve;
    this.#known = new LRUCache({ max: options.maxNames });
  }

  /** Returns the cached addresses; empty: the name has none. */
  peek(hostname: string): Addresses | undefined {
    return this.#known.get(hostname);
  }

  /** Never rejects; empty: the name has no addresses, or resolving failed. */
  async resolve(hostname: string): Promise<Addresses> {
    let asked = this.#asked.get(hostname);
    if (asked === undefined) {
      asked = this.#ask(hostname);
      this.#asked.set(hostname, asked);
    }
    return await asked;
  }

  async #ask(hostname: string): Promise<Addresses> {
    let addresses: Addresses = [];
    let ttlSeconds = NEGATIVE_TTL_SECONDS;
    try {
      const resolution = await this.#resolve(hostname);
      addresses = resolution.addresses;
      if (addresses.length > 0) ttlSeconds = Math.min(resolution.ttlSeconds, MAX_TTL_SECONDS);
    } catch {
      // No such name or no response: the endpoint has no address now, and its next attempt resolves again.
    }
    // A TTL of 0 means for ever to the cache, but no caching in DNS (RFC 1035, section 3.2.1).
    if (ttlSeconds > 0) this.#known.set(hostname, addresses, { ttl: ttlSeconds * 1_000 });
    this.#asked.delete(hostname);
    return addresses;
  }
}

export function unresolved(hostname: string): NamedFailure {
  return new NamedFailure(named('dns', `The host name ${hostname} could not be resolved.`));
}

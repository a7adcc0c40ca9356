import type { EventLoopUtilization } from 'node:perf_hooks';
import { createSecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import { NO_ALLOWED_TARGETS } from '../../network/target-address.ts';
import type { AllowedTargets } from '../../network/target-address.ts';
import { AddressCache } from './address-cache.ts';
import { ConnectionLimit } from './connection-limit.ts';
import type { Exchange, OutgoingRequest, Sender } from './exchange.ts';
import { CLOSED, named } from './failures.ts';
import { OriginPool } from './origin-pool.ts';
import { systemResolver } from './resolver.ts';
import type { Resolve } from './resolver.ts';
import { RunningExchange } from './running-exchange.ts';
import type { Network, Target } from './socket-opening.ts';

export type { Exchange, OutgoingRequest, Sender } from './exchange.ts';

export interface SenderOptions {
  /** Networks that may be reached although they are not public. Default: none. */
  readonly allowedTargets?: AllowedTargets;
  /** Default: the hosts file and the system's name servers. */
  readonly resolve?: Resolve;
  /** Certificate authorities (PEM) to trust instead of the public ones. */
  readonly ca?: string | readonly string[];
  /** Connections to one origin: at most half for one organization and a third for one webhook. Default: 1,024. */
  readonly connectionsPerOrigin?: number;
  /** Connections over all origins. Default: 4,096. */
  readonly maxConnections?: number;
  /** Origins whose connections are kept open. Default: 2,000. */
  readonly maxOrigins?: number;
  /** How long an idle connection is kept if the server gives no hint. Default: 15,000. */
  readonly keepAliveMs?: number;
  /** How long a request waits for a connection before it is returned unsent. Default: 5,000. */
  readonly maxWaitMs?: number;
}

/** A sender that runs in the caller's thread. */
export interface LocalSender extends Sender {
  /** Exchanges under way and open connections. */
  stats(): { readonly exchanges: number; readonly connections: number };
}

export function createSender(options: SenderOptions = {}): LocalSender {
  return new PooledSender(options);
}

interface ParsedUrl {
  readonly target: Target;
  readonly path: string;
}

const BAD_URL = named('bad_response', 'The request could not be sent: its URL is not a valid http or https URL.');
const MAX_KEPT_URLS = 100_000;
const MAX_KEPT_TARGETS = 10_000;

class PooledSender implements LocalSender {
  readonly #network: Network;
  readonly #limit: ConnectionLimit;
  readonly #poolOptions: { readonly maxConnections: number; readonly keepAliveMs: number; readonly maxWaitMs: number };
  /** The pools in use. Evicted pools finish their exchanges. */
  readonly #pools: LRUCache<string, OriginPool>;
  readonly #closing = new Set<OriginPool>();
  readonly #urls = new LRUCache<string, ParsedUrl>({ max: MAX_KEPT_URLS });
  /** One target for all URLs of an origin. */
  readonly #targets = new LRUCache<string, Target>({ max: MAX_KEPT_TARGETS });
  #exchanges = 0;
  #closed = false;
  #onIdle: (() => void) | null = null;

  constructor(options: SenderOptions) {
    this.#network = {
      addresses: new AddressCache({ resolve: options.resolve ?? systemResolver(), maxNames: 10_000 }),
      allowedTargets: options.allowedTargets ?? NO_ALLOWED_TARGETS,
      secureContext: createSecureContext(options.ca === undefined ? {} : { ca: [options.ca].flat() }),
      sessions: new LRUCache<string, Buffer>({ max: 2_000 }),
    };
    this.#poolOptions = {
      maxConnections: options.connectionsPerOrigin ?? 1_024,
      keepAliveMs: options.keepAliveMs ?? 15_000,
      maxWaitMs: options.maxWaitMs ?? 5_000,
    };
    this.#limit = new ConnectionLimit({ max: options.maxConnections ?? 4_096, closeIdle: () => this.#closeIdle() });
    this.#pools = new LRUCache({
      max: options.maxOrigins ?? 2_000,
      dispose: (pool) => {
        this.#closing.add(pool);
        pool.close();
      },
    });
  }

  send(request: OutgoingRequest): Promise<Exchange | null> {
    return new Promise((resolve) => {
      const parsed = this.#parse(request);
      if (this.#closed || parsed === null) {
        resolve({ durationMs: 0, response: null, failure: parsed === null ? BAD_URL : CLOSED });
        return;
      }
      this.#exchanges++;
      const pool = this.#pool(parsed.target);
      const settle = (exchange: Exchange | null): void => {
        resolve(exchange);
        if (--this.#exchanges === 0) this.#onIdle?.();
      };
      const share = pool.shareOf(request.organizationKey, request.webhookId);
      pool.run(new RunningExchange({ request, path: parsed.path, pool, share, settle }));
    });
  }

  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    if (this.#exchanges > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.#onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const pool of [...this.#closing, ...this.#pools.values()]) pool.destroy(CLOSED);
    this.#pools.clear();
  }

  eventLoopUtilization(): EventLoopUtilization {
    return performance.eventLoopUtilization();
  }

  stats(): { exchanges: number; connections: number } {
    return { exchanges: this.#exchanges, connections: this.#limit.open };
  }

  #pool(target: Target): OriginPool {
    const known = this.#pools.get(target.origin);
    if (known !== undefined) return known;
    const pool = new OriginPool({
      ...this.#poolOptions,
      target,
      network: this.#network,
      limit: this.#limit,
      onEmpty: (empty) => this.#closing.delete(empty),
    });
    this.#pools.set(target.origin, pool);
    return pool;
  }

  /** Caches parsed URLs: webhooks repeat a few URLs, except if a GET carries the event in its query. */
  #parse({ url, method }: OutgoingRequest): ParsedUrl | null {
    if (method === 'GET') return parseUrl(url);
    let parsed = this.#urls.get(url);
    if (parsed === undefined) {
      const fresh = parseUrl(url);
      if (fresh === null) return null;
      parsed = { target: this.#targets.get(fresh.target.origin) ?? fresh.target, path: fresh.path };
      this.#targets.set(parsed.target.origin, parsed.target);
      this.#urls.set(url, parsed);
    }
    return parsed;
  }

  #closeIdle(): boolean {
    for (const pool of this.#pools.rvalues()) {
      if (pool?.closeOneIdle() === true) return true;
    }
    return false;
  }
}

function parseUrl(text: string): ParsedUrl | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null;
  const secure = url.protocol === 'https:';
  const hostname = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return { target: { origin: url.origin, hostname, port, secure }, path: url.pathname + url.search };
}

import {
  compileEventPatterns,
  type EventPatterns,
  type HeaderList,
  type RetryPlan,
  type SuccessRule,
  type WebhookContentType,
  type WebhookMethod,
} from '@posthorn/protocol';
import type { Signer } from '@posthorn/protocol/signing';
import { LRUCache } from 'lru-cache';
import { aliasesIn } from '../catalog/load-product.ts';
import type { Product } from '../catalog/product.ts';
import type { Sealer } from '../store/sealing.ts';
import type { DeliveringWebhookRow } from '../store/tenants.ts';

/** What a webhook subscribes to. */
export interface Subscription {
  readonly events: readonly string[];
  readonly patterns: EventPatterns;
}

/** How a webhook is delivered to, filled in from its product's policy. */
export interface DeliverySettings {
  readonly method: WebhookMethod;
  readonly contentType: WebhookContentType;
  readonly success: SuccessRule;
  readonly retry: RetryPlan;
  readonly timeoutMs: number;
  readonly rateLimit: number | null;
  readonly ordered: boolean;
}

/** What sending needs and nothing else: opened when something is sent, and let go when it has not been for long. */
export interface OpenedSecrets {
  readonly headers: HeaderList;
  readonly signer: Signer;
  /** The signer holds until then, in milliseconds since the epoch. */
  readonly until: number;
}

/** Past it, what is not shared by anyone any more is let go. */
const MAX_SHARED = 10_000;
/** About 1 KB each. */
const MAX_OPENED = 100_000;

/**
 * What webhooks of one product have in common. Of a hundred thousand webhooks most differ in URL and secret alone:
 * the same subscription compiled, and the same settings filled in, for each of them would take twice their memory.
 */
export class SharedSettings {
  readonly product: Product;
  readonly sealer: Sealer;
  #opened: LRUCache<object, OpenedSecrets> | null = null;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #settings = new Map<string, DeliverySettings>();

  constructor(product: Product, sealer: Sealer) {
    this.product = product;
    this.sealer = sealer;
  }

  /** Made when the first of them is needed: the cache takes its place in memory at once. */
  get opened(): LRUCache<object, OpenedSecrets> {
    this.#opened ??= new LRUCache({ max: MAX_OPENED });
    return this.#opened;
  }

  subscription(events: readonly string[]): Subscription {
    return shared(this.#subscriptions, events.join('\n'), () => ({
      events,
      patterns: compileEventPatterns(events, aliasesIn(this.product)),
    }));
  }

  settings(row: DeliveringWebhookRow): DeliverySettings {
    const { method, content_type: contentType, success, retry, timeout_ms: timeoutMs, rate_limit: rateLimit, ordered } = row;
    const { policy } = this.product;
    return shared(this.#settings, JSON.stringify([method, contentType, success, retry, timeoutMs, rateLimit, ordered]), () => ({
      method: method ?? policy.methods[0] ?? 'POST',
      contentType: contentType ?? policy.contentTypes[0] ?? 'application/json',
      success: success ?? policy.success,
      retry: retry ?? policy.retry,
      timeoutMs: timeoutMs ?? policy.timeoutMs,
      rateLimit,
      ordered: ordered ?? policy.ordered,
    }));
  }
}

function shared<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size >= MAX_SHARED) known.clear();
  const made = make();
  known.set(key, made);
  return made;
}

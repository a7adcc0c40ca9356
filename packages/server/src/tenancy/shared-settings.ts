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
import { aliasesIn } from '../catalog/load-product.ts';
import type { Product } from '../catalog/product.ts';
import type { AttemptMask } from '../sealing/attempt-mask.ts';
import type { Sealer } from '../sealing/sealer.ts';
import type { DeliveringWebhookRow } from '../store/tenants.ts';

/** The event patterns of a webhook. */
export interface Subscription {
  readonly events: readonly string[];
  readonly patterns: EventPatterns;
}

/** A webhook's delivery settings, with defaults from its product's policy. */
export interface DeliverySettings {
  readonly method: WebhookMethod;
  readonly contentType: WebhookContentType;
  readonly success: SuccessRule;
  readonly retry: RetryPlan;
  readonly timeoutMs: number;
  readonly rateLimit: number | null;
  readonly ordered: boolean;
}

/** The decrypted secrets and headers for sending. They are decrypted when something is sent. */
export interface OpenedSecrets {
  readonly headers: HeaderList;
  readonly signer: Signer;
  readonly mask: AttemptMask;
  /** The signer is valid until then, in milliseconds since the epoch. */
  readonly until: number;
}

/** A webhook with decrypted secrets in memory. */
export interface Opened {
  /** Drops the decrypted secrets until the next send. */
  close(): void;
}

/** At this size the map is cleared, so that unused entries don't accumulate. */
const MAX_SHARED = 10_000;
/** About half a kilobyte each. */
const MAX_OPENED = 100_000;

/**
 * Shares equal subscriptions and settings among the webhooks of a product. Of 100,000 webhooks most differ only in URL
 * and secret; a copy of both for each webhook would double their memory.
 */
export class SharedSettings {
  readonly product: Product;
  readonly sealer: Sealer;
  /** A ring buffer: a new entry replaces the oldest. */
  readonly #opened: Opened[] = [];
  readonly #maxOpened: number;
  #nextOpened = 0;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #settings = new Map<string, DeliverySettings>();

  constructor(product: Product, sealer: Sealer, maxOpened = MAX_OPENED) {
    this.product = product;
    this.sealer = sealer;
    this.#maxOpened = maxOpened;
  }

  /** Bounds the number of webhooks with decrypted secrets: closes the oldest. */
  opened(one: Opened): void {
    this.#opened[this.#nextOpened]?.close();
    this.#opened[this.#nextOpened] = one;
    this.#nextOpened = (this.#nextOpened + 1) % this.#maxOpened;
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

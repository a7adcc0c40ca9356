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
import type { AttemptMask } from '../store/attempt-mask.ts';
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

/** What sending needs and nothing else: opened when something is sent. */
export interface OpenedSecrets {
  readonly headers: HeaderList;
  readonly signer: Signer;
  readonly mask: AttemptMask;
  /** The signer holds until then, in milliseconds since the epoch. */
  readonly until: number;
}

/** Whoever has opened its secrets. */
export interface Opened {
  /** Lets them go, until something is sent again. */
  close(): void;
}

/** Past it, what is not shared by anyone any more is let go. */
const MAX_SHARED = 10_000;
/** About half a kilobyte each. */
const MAX_OPENED = 100_000;

/**
 * What webhooks of one product have in common. Of a hundred thousand webhooks most differ in URL and secret alone:
 * the same subscription compiled, and the same settings filled in, for each of them would take twice their memory.
 */
export class SharedSettings {
  readonly product: Product;
  readonly sealer: Sealer;
  /** A circle: who comes takes the place of who has been there longest. */
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

  /** Keeps in bounds how many have their secrets open. */
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

import type { DataSchema } from './data-schema.ts';
import type { DigestDefinition } from './digests.ts';
import type { InboundDefinition } from './inbound.ts';
import type { Json, JsonObject } from './json.ts';
import type { ObjectKindDefinition } from './objects.ts';
import type { Subject } from './subject.ts';

/** The person who caused an event. Delivered as the caller sent it. */
export type Sender = JsonObject;

/** What an envelope can use of an event. */
export interface EnvelopeEvent {
  /** The event's id, the same in every delivery and retry. */
  readonly id: string;
  readonly type: string;
  /** When the event was accepted. */
  readonly time: Date;
  readonly data: JsonObject;
  readonly scope: string | null;
  readonly subject: Subject | null;
  readonly sender: Sender | null;
  readonly organization: { readonly id: string; readonly name: string };
}

/** Turns an event into the JSON that is sent, in this key order. Must be pure: the same event gives the same JSON. */
export type Envelope = (event: EnvelopeEvent) => Json;

/** An event type of a product. */
export interface EventTypeDefinition {
  /** One sentence, shown where people choose event types. */
  readonly description: string;
  /** Heading in the event picker. */
  readonly group?: string;
  /** The schema of `data`. Default: any JSON object. */
  readonly schema?: DataSchema;
  /** Example `data` for test events and the documentation. Must satisfy `schema`. */
  readonly sample: JsonObject;
  /** Other names that a subscription may use for this type. */
  readonly aliases?: readonly string[];
}

/** When failed attempts are retried. Delays are in milliseconds. `retries` does not count the first attempt. */
export type RetryPlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'list'; readonly delaysMs: readonly number[]; readonly jitter?: number }
  | { readonly kind: 'fixed'; readonly delayMs: number; readonly retries: number; readonly jitter?: number }
  | {
      readonly kind: 'exponential';
      readonly firstMs: number;
      readonly factor: number;
      readonly maxMs: number;
      readonly retries: number;
      readonly jitter?: number;
    };

/** Which responses count as success. */
export interface SuccessRule {
  /** `'2xx'`, or the exact status codes that count. */
  readonly status: '2xx' | readonly number[];
  /** A phrase that the body must also contain; null: any body. */
  readonly bodyContains: string | null;
}

/** A signature scheme: the headers by which a receiver verifies a request. */
export type SignatureScheme =
  /** `webhook-id`, `webhook-timestamp` and, with a secret, `webhook-signature` (https://www.standardwebhooks.com). */
  | { readonly kind: 'standard-webhooks' }
  /** An HMAC over the body, or for GET over the added query string, keyed with the secret's characters. */
  | {
      readonly kind: 'hmac';
      readonly header: string;
      readonly algorithm: 'sha1' | 'sha256' | 'sha512';
      readonly encoding: 'hex' | 'base64';
      readonly prefix?: string;
    };

export type WebhookMethod = 'POST' | 'GET';
export type WebhookContentType = 'application/json' | 'application/x-www-form-urlencoded';

/** How a product's events are delivered. Contains the defaults for its webhooks. */
export interface DeliveryPolicy {
  /** Methods a webhook may choose; the first is the default. */
  readonly methods: readonly WebhookMethod[];
  /** Content types a webhook may choose; the first is the default. */
  readonly contentTypes: readonly WebhookContentType[];
  /** `'https'`: http URLs are refused; `'http-or-https'`: http is accepted with the warning `insecure_url`. */
  readonly url: 'https' | 'http-or-https';
  readonly success: SuccessRule;
  /** For the whole attempt: DNS, connect, TLS, headers and body. */
  readonly timeoutMs: number;
  readonly retry: RetryPlan;
  /** What happens when a delivery has used all its retries: nothing, or the webhook is marked `failed`. */
  readonly whenExhausted: 'nothing' | 'fail-webhook';
  /** A webhook whose attempts have all failed for this long is marked `failed`; null: never. */
  readonly disableAfterMs: number | null;
  readonly signatures: readonly SignatureScheme[];
  /** `'generated'`: a webhook always has a secret, by default a generated one; `'optional'`: only if one is given. */
  readonly secret: 'generated' | 'optional';
  /** Fixed headers that are added to every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The parameter of a form-encoded body that contains the JSON. */
  readonly formParameter: string;
  /** Whether webhooks deliver events about the same subject in order, by default. */
  readonly ordered: boolean;
}

/** What a ping can use: the webhook without its secret, and its place. */
export interface PingContext {
  readonly webhook: {
    readonly id: string;
    readonly url: string;
    readonly description: string | null;
    readonly events: readonly string[];
    readonly contentType: WebhookContentType;
    readonly active: boolean;
    readonly hasSecret: boolean;
  };
  readonly organization: { readonly id: string; readonly name: string };
  readonly scope: string | null;
  /** The object that a scope of the form `kind:id` names, if the product has that kind and the object is stored. */
  readonly about: (Subject & { readonly state: JsonObject }) | null;
  readonly sender: Sender | null;
}

/** The scope and subject of an event. */
export interface EventPlace {
  readonly scope?: string | null;
  readonly subject?: Subject | null;
}

/** An event as the caller emits it. */
export interface EmittedEvent extends EventPlace {
  readonly type: string;
  readonly data: JsonObject;
  /** The caller's own id. */
  readonly id?: string;
  readonly sender?: Sender;
}

/** A product: its event types, the JSON that webhooks receive, and how it is delivered. */
export interface ProductDefinition {
  /** Lower-case letters, digits and dashes. Organizations refer to it as `product`. */
  readonly name: string;
  /** Shown to people. Default: the name. */
  readonly title?: string;
  readonly events: Readonly<Record<string, EventTypeDefinition>>;
  /** Whether to accept types that `events` does not list, with any JSON object as data. */
  readonly anyEvent?: boolean;
  /** The kinds of objects that are stored, with the events that their changes emit. */
  readonly objects?: Readonly<Record<string, ObjectKindDefinition>>;
  /** Whether to accept other kinds: a change emits `<kind>.created`, `.updated` or `.deleted`. Needs `anyEvent`. */
  readonly anyObject?: boolean;
  /** Daily events that collect the objects that have changed. */
  readonly digests?: Readonly<Record<string, DigestDefinition>>;
  /** Returns an event's scope and subject, used if the caller sends none. */
  readonly context?: (type: string, data: JsonObject) => EventPlace;
  /** Reads an event from a body in the product's own shape, which the API then also accepts; null for other bodies. */
  readonly accepts?: (body: JsonObject) => EmittedEvent | null;
  /** Default: the Standard Webhooks envelope `{type, timestamp, data}`. */
  readonly envelope?: Envelope;
  /** Differences from the default policy. */
  readonly delivery?: Partial<DeliveryPolicy>;
  /** The ping event. Default: type `ping`, the webhook as data, sent on demand only. */
  readonly ping?: {
    readonly type: string;
    readonly data: (context: PingContext) => JsonObject;
    /** Whether to send a ping when a webhook is created. */
    readonly onCreate?: boolean;
  };
  /** What its organizations may receive through inbound hooks. Default: every kind of target. */
  readonly inbound?: InboundDefinition;
}

import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { DigestDefinition } from './digests.ts';
import type { ExactNumber } from './exact-number.ts';
import type { InboundDefinition } from './inbound.ts';
import type { ObjectKindDefinition } from './objects.ts';

/** A JSON value, as it travels in events, states and bodies. A number that a double cannot hold is an ExactNumber. */
export type Json = string | number | ExactNumber | boolean | null | Json[] | { [key: string]: Json };

/** A JSON object. */
export type JsonObject = { [key: string]: Json };

/** A JSON Schema (draft 2020-12 or draft-07), given as a plain object. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** How data is described: any Standard Schema (zod, valibot, …) or a JSON Schema. It checks, it never changes the data. */
export type DataSchema = StandardSchemaV1 | JsonSchema;

/** Who caused an event, where a person did. Travels as the caller gave it. */
export type Sender = JsonObject;

/** What an event is about: an object's kind and id. */
export interface Subject {
  readonly kind: string;
  readonly id: string;
}

/** Everything an envelope may show of an event. */
export interface EnvelopeEvent {
  /** The event's id, the same in every delivery and retry. */
  readonly id: string;
  readonly type: string;
  /** When it was accepted. */
  readonly time: Date;
  readonly data: JsonObject;
  readonly scope: string | null;
  readonly subject: Subject | null;
  readonly sender: Sender | null;
  readonly organization: { readonly id: string; readonly name: string };
}

/** Turns an event into the JSON that goes on the wire. Key order is kept. Must be pure: same event, same JSON. */
export type Envelope = (event: EnvelopeEvent) => Json;

/** One kind of event that a product sends. */
export interface EventTypeDefinition {
  /** One sentence for the person who chooses events in a form. */
  readonly description: string;
  /** Heading in the event picker. */
  readonly group?: string;
  /** What `data` must satisfy. Absent: any JSON object. */
  readonly schema?: DataSchema;
  /** Example `data`, sent by test sends and shown in the documentation. Must satisfy `schema`. */
  readonly sample: JsonObject;
  /** Further names that a subscription may use for this type. */
  readonly aliases?: readonly string[];
}

/** When the next attempt follows a failed one. Delays in milliseconds; the first attempt is not counted. */
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

/** Which response is a success. */
export interface SuccessRule {
  /** `'2xx'`, or the exact status codes that count. */
  readonly status: '2xx' | readonly number[];
  /** A phrase that the body must contain too; null: the body does not matter. */
  readonly bodyContains: string | null;
}

/** A header that proves who sent the bytes. */
export type SignatureScheme =
  /** `webhook-id`, `webhook-timestamp`, `webhook-signature` (https://www.standardwebhooks.com). The three headers are always sent; the signature where there is a secret. */
  | { readonly kind: 'standard-webhooks' }
  /** An HMAC over the bytes of the content (the body; for GET the added query string), keyed with the secret's characters. */
  | {
      readonly kind: 'hmac';
      readonly header: string;
      readonly algorithm: 'sha1' | 'sha256' | 'sha512';
      readonly encoding: 'hex' | 'base64';
      readonly prefix?: string;
    };

export type WebhookMethod = 'POST' | 'GET';
export type WebhookContentType = 'application/json' | 'application/x-www-form-urlencoded';

/** How a product's events are delivered; what a webhook leaves open comes from here. */
export interface DeliveryPolicy {
  /** Methods a webhook may choose; the first is the default. */
  readonly methods: readonly WebhookMethod[];
  /** Content types a webhook may choose; the first is the default. */
  readonly contentTypes: readonly WebhookContentType[];
  /** `'https'`: http URLs are refused; `'http-or-https'`: http is accepted with the warning `insecure_url`. */
  readonly url: 'https' | 'http-or-https';
  readonly success: SuccessRule;
  /** Over the whole exchange: DNS, connect, TLS, headers and body. */
  readonly timeoutMs: number;
  readonly retry: RetryPlan;
  /** What follows when a delivery has used up its retries: nothing more, or the webhook is marked `failed`. */
  readonly whenExhausted: 'nothing' | 'fail-webhook';
  /** A webhook whose every attempt has failed for so long is marked `failed`; null: never. */
  readonly disableAfterMs: number | null;
  readonly signatures: readonly SignatureScheme[];
  /** `'generated'`: a webhook always has a secret, made where none is given; `'optional'`: none given, none used. */
  readonly secret: 'generated' | 'optional';
  /** Further fixed headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** A form-encoded body carries the JSON in this parameter. */
  readonly formParameter: string;
  /** Webhooks deliver in order by subject unless they say otherwise. */
  readonly ordered: boolean;
}

/** What a ping shows: the webhook without its secret. */
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
  /** The object that the scope names, where it reads `kind:id`, the product has that kind, and its state was pushed. */
  readonly about: (Subject & { readonly state: JsonObject }) | null;
  readonly sender: Sender | null;
}

/** What an event is about and hangs on. */
export interface EventPlace {
  readonly scope?: string | null;
  readonly subject?: Subject | null;
}

/** An event as a caller emits it. */
export interface EmittedEvent extends EventPlace {
  readonly type: string;
  readonly data: JsonObject;
  /** The caller's own id. */
  readonly id?: string;
  readonly sender?: Sender;
}

/** A product: which events it has, how they look on the wire, how they are delivered. */
export interface ProductDefinition {
  /** Lower-case letters, digits and dashes. Organizations name it as `product`. */
  readonly name: string;
  /** Shown to people; default: the name. */
  readonly title?: string;
  readonly events: Readonly<Record<string, EventTypeDefinition>>;
  /** Accept types that `events` does not list, with any JSON object as data. */
  readonly anyEvent?: boolean;
  /** Kinds of objects whose states are pushed, with the events that follow from their changes. */
  readonly objects?: Readonly<Record<string, ObjectKindDefinition>>;
  /** Accept kinds that `objects` does not list; a change gives `<kind>.created`, `.updated` or `.deleted`. Needs `anyEvent`. */
  readonly anyObject?: boolean;
  /** Daily events made from the objects that have changed. */
  readonly digests?: Readonly<Record<string, DigestDefinition>>;
  /** What an event is about, and its scope, where the caller who emits it does not say. */
  readonly context?: (type: string, data: JsonObject) => EventPlace;
  /** Reads an event out of a body in the product's own shape, which the emit API then takes beside its own; null: it is none. */
  readonly accepts?: (body: JsonObject) => EmittedEvent | null;
  /** Default: the Standard Webhooks envelope `{type, timestamp, data}`. */
  readonly envelope?: Envelope;
  /** What differs from the default policy. */
  readonly delivery?: Partial<DeliveryPolicy>;
  /** The ping event. Default: type `ping`, the webhook as data, sent on demand only. */
  readonly ping?: {
    readonly type: string;
    readonly data: (context: PingContext) => JsonObject;
    /** Send one by itself after a webhook was created. */
    readonly onCreate?: boolean;
  };
  /** What its organizations may take in through inbound hooks. Default: every kind of target. */
  readonly inbound?: InboundDefinition;
}

import type {
  Attempt,
  DeliveryStatus,
  JsonObject,
  JsonSchema,
  RetryPlan,
  Sender,
  Subject,
  SuccessRule,
  WebhookContentType,
  WebhookMethod,
  WebhookStatus,
} from '@posthorn/protocol';

/** One page of a list, newest first. */
export interface Page<Item> {
  readonly data: readonly Item[];
  /** Pass it as `cursor` to get the next page; null if this is the last page. */
  readonly nextCursor: string | null;
}

export interface PageQuery {
  /** Entries per page, up to 250. Default: 50. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** A time span, ISO 8601: at or after `from`, before `to`. */
export interface SpanQuery {
  readonly from?: string;
  readonly to?: string;
}

export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly product: string;
  readonly timeZone: string | null;
  readonly inbound: boolean;
  readonly contactEmail: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface OrganizationChange {
  readonly name?: string;
  readonly inbound?: boolean;
  /** IANA name, such as Europe/Berlin. */
  readonly timeZone?: string | null;
  /** Gets an email when one of its webhooks is marked failed; null: nobody does. */
  readonly contactEmail?: string | null;
}

export interface NewOrganization extends OrganizationChange {
  readonly name: string;
  /** Your own id. Default: a UUIDv7. */
  readonly id?: string;
  /** Default: `generic`. */
  readonly product?: string;
}

/** The settings of a webhook; null: the product's default. */
export interface WebhookSettings {
  readonly description?: string | null;
  /** Deliver only events of this scope; null: all events of the organization. */
  readonly scope?: string | null;
  readonly method?: WebhookMethod | null;
  readonly contentType?: WebhookContentType | null;
  readonly headers?: Readonly<Record<string, string>> | null;
  readonly retry?: RetryPlan | null;
  readonly success?: (Pick<SuccessRule, 'status'> & Partial<SuccessRule>) | null;
  readonly timeoutMs?: number | null;
  /** Deliveries per second. */
  readonly rateLimit?: number | null;
  /** Deliver events about the same subject one after another. */
  readonly ordered?: boolean | null;
  /** `whsec_…`, `whsk_…` or any text of 8 to 256 characters. Blank: generated, or the old one kept. */
  readonly secret?: string;
  readonly status?: 'active' | 'paused';
}

export interface NewWebhook extends WebhookSettings {
  readonly url: string;
  /** Event types. `*` matches any characters. */
  readonly events: readonly string[];
}

export type WebhookChange = Partial<NewWebhook>;

/** A webhook with all defaults of its product filled in. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  readonly events: readonly string[];
  readonly scope: string | null;
  readonly method: WebhookMethod;
  readonly contentType: WebhookContentType;
  /** Values that look like credentials are masked. */
  readonly headers: Readonly<Record<string, string>>;
  readonly hasSecret: boolean;
  /** `whpk_…`: the key that receivers verify with, if the secret is an ed25519 key. */
  readonly publicKey: string | null;
  readonly retry: RetryPlan;
  readonly success: SuccessRule;
  readonly timeoutMs: number;
  readonly rateLimit: number | null;
  readonly ordered: boolean;
  readonly status: WebhookStatus;
  readonly statusReason: string | null;
  readonly statusChangedAt: string;
  readonly failingSince: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** Something that works but is not recommended. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

export interface ChangedWebhook extends Webhook {
  readonly warnings?: readonly Warning[];
}

/** Only the responses that create or rotate a secret contain it; null if the webhook has none. */
export interface WebhookWithSecret extends ChangedWebhook {
  readonly secret: string | null;
}

export interface EventType<Name extends string = string> {
  readonly type: Name;
  readonly group: string | null;
  readonly description: string;
  readonly aliases: readonly string[];
  /** null if any object is accepted, or if the schema has no JSON Schema form. */
  readonly schema: JsonSchema | null;
  readonly sample: JsonObject;
}

export interface EventTypes<Name extends string = string> {
  readonly data: readonly EventType<Name>[];
  readonly product: {
    readonly name: string;
    readonly title: string;
    readonly anyEvent: boolean;
    readonly methods: readonly WebhookMethod[];
    readonly contentTypes: readonly WebhookContentType[];
    readonly url: 'https' | 'http-or-https';
  };
}

/** An accepted event: it is stored and will be delivered. */
export interface Accepted {
  readonly id: string;
  /** The number of webhooks that the event is sent to. */
  readonly deliveries: number;
}

/** An event that was sent to one webhook only. */
export interface Sent extends Accepted {
  readonly deliveryId: string;
}

export interface EventSummary<Name extends string = string> {
  /** Your own id if you chose one. */
  readonly id: string;
  readonly type: Name;
  readonly scope: string | null;
  readonly subject: Subject | null;
  readonly test: boolean;
  readonly createdAt: string;
}

export interface EventDetail<Name extends string = string> extends EventSummary<Name> {
  readonly sender: Sender | null;
  readonly data: JsonObject;
  /** The JSON body that webhooks receive. */
  readonly body: string;
  readonly deliveries: readonly {
    readonly id: string;
    readonly webhookId: string;
    readonly status: DeliveryStatus;
    readonly attemptCount: number;
  }[];
}

export interface EventQuery<Name extends string = string> extends PageQuery, SpanQuery {
  readonly type?: Name;
  readonly scope?: string;
  /** `kind:id`. */
  readonly subject?: string;
}

export interface Delivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly webhookId: string;
  readonly status: DeliveryStatus;
  readonly test: boolean;
  readonly attemptCount: number;
  readonly nextAttemptAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface DeliveryWithAttempts extends Delivery {
  readonly attempts: readonly Attempt[];
}

export interface DeliveryQuery<Name extends string = string> extends PageQuery, SpanQuery {
  readonly webhook?: string;
  readonly event?: string;
  readonly type?: Name;
  readonly status?: DeliveryStatus;
}

/** Which of a webhook's deliveries to replay. */
export interface Replay {
  /** ISO 8601. */
  readonly since: string;
  /** Default: now. */
  readonly until?: string;
  /** Default: failed, cancelled and missed. */
  readonly status?: ReplayStatus | readonly ReplayStatus[];
}

/** `missed`: the event matches the webhook, which was failed or did not exist when the event was accepted. */
export type ReplayStatus = 'failed' | 'cancelled' | 'delivered' | 'missed';

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  /** The last characters of the key. */
  readonly hint: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
}

export interface NewApiKey {
  readonly name: string;
  /** ISO 8601, not later than the expiry of the key that creates it. Default: that expiry, or never if it has none. */
  readonly expiresAt?: string;
}

/** Only this response contains the key. */
export interface MadeApiKey extends ApiKey {
  readonly key: string;
}

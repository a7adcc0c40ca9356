export {
  defineProduct,
  type AnyProduct,
  type EventData,
  type EventName,
  type KindName,
  type ProductInput,
  type StateOf,
  type TypedProduct,
} from './define-product.ts';
export { PosthornApiError, PosthornConnectionError } from './client/api-error.ts';
export type { ApiKeys } from './client/api-keys.ts';
export { createClient, type Client, type Organizations } from './client/create-client.ts';
export type { BatchEvent, Deliveries, EventContext, Events, OrganizationClient } from './client/organization.ts';
export type * from './client/digests.ts';
export type * from './client/inbound.ts';
export type * from './client/objects.ts';
export type * from './client/resources.ts';
export type { CallOptions, ChangeOptions, ClientOptions, PostOptions } from './client/transport.ts';
export type { Webhooks } from './client/webhooks.ts';
export { defaultEnvelope, delays, duration, every, exponential, hmacSignature, NO_RETRY, standardWebhooks } from '@posthorn/protocol';
export { and, diffFields, everyItem, field, not, once, or, present, sameJson, someItem } from '@posthorn/protocol';
export { ExactNumber, parseJson } from '@posthorn/protocol';
export type * from '@posthorn/protocol';

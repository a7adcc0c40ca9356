import type { Sender, Subject } from '@posthorn/protocol';
import type { AnyProduct, EventData, EventName } from '../define-product.ts';
import { PosthornApiError, problemIn, type Problem } from './api-error.ts';
import { apiKeysAt, type ApiKeys } from './api-keys.ts';
import { digestsAt, type Digests } from './digests.ts';
import { goalsAt, inboundHooksAt, type Goals, type InboundHooks } from './inbound.ts';
import { objectsAt, type Objects } from './objects.ts';
import type {
  Accepted,
  Delivery,
  DeliveryQuery,
  DeliveryWithAttempts,
  EventDetail,
  EventQuery,
  EventSummary,
  EventTypes,
  Page,
} from './resources.ts';
import type { CallOptions, PostOptions, Transport } from './transport.ts';
import { webhooksAt, type Webhooks } from './webhooks.ts';

/** Optional fields of an event. */
export interface EventContext {
  /** The part of the organization it belongs to. */
  readonly scope?: string;
  /** The object that the event is about. */
  readonly subject?: Subject;
  /** Your own id, without full stops. A repeat with the same id returns the first response and delivers nothing. */
  readonly id?: string;
  /** The person who caused the event. */
  readonly sender?: Sender;
}

/** One event of a batch. Its data has the type for its `type`. */
export type BatchEvent<Product extends AnyProduct> = {
  [Name in EventName<Product>]: EventContext & { readonly type: Name; readonly data: EventData<Product, Name> };
}[EventName<Product>];

/** The API of one organization. Every call throws PosthornApiError or PosthornConnectionError. */
export interface OrganizationClient<Product extends AnyProduct> {
  readonly webhooks: Webhooks<EventName<Product>>;
  readonly apiKeys: ApiKeys;
  readonly events: Events<EventName<Product>>;
  readonly deliveries: Deliveries<EventName<Product>>;
  readonly objects: Objects<Product>;
  readonly digests: Digests;
  readonly goals: Goals;
  readonly inboundHooks: InboundHooks;
  /** Lists the event types of its product, with schema and sample. */
  eventTypes(options?: CallOptions): Promise<EventTypes<EventName<Product>>>;
  /** Creates an event. Once this resolves, the event is stored and will be delivered. */
  emit<Name extends EventName<Product>>(
    type: Name,
    data: EventData<Product, Name>,
    options?: EventContext & PostOptions,
  ): Promise<Accepted>;
  /** Creates up to 1,000 events. Resolves to a result for each, in order. A refusal does not affect the others. */
  emitBatch(events: readonly BatchEvent<Product>[], options?: PostOptions): Promise<(Accepted | PosthornApiError)[]>;
}

export interface Events<Name extends string = string> {
  list(query?: EventQuery<Name>, options?: CallOptions): Promise<Page<EventSummary<Name>>>;
  get(id: string, options?: CallOptions): Promise<EventDetail<Name>>;
}

export interface Deliveries<Name extends string = string> {
  list(query?: DeliveryQuery<Name>, options?: CallOptions): Promise<Page<Delivery>>;
  get(id: string, options?: CallOptions): Promise<DeliveryWithAttempts>;
  /** Sends the same event id and bytes again. */
  redeliver(id: string, options?: PostOptions): Promise<DeliveryWithAttempts>;
  /** Cancels it: it is not attempted again. */
  cancel(id: string, options?: PostOptions): Promise<DeliveryWithAttempts>;
}

export function organizationAt<Product extends AnyProduct>(transport: Transport, id: string): OrganizationClient<Product> {
  const place = ['organizations', id];
  const events = [...place, 'events'];
  return {
    webhooks: webhooksAt(transport, place),
    apiKeys: apiKeysAt(transport, place),
    events: {
      list: (query, options) => transport.get(events, query, options),
      get: (event, options) => transport.get([...events, event], undefined, options),
    },
    deliveries: deliveriesAt(transport, place),
    objects: objectsAt(transport, place),
    digests: digestsAt(transport, place),
    goals: goalsAt(transport, place),
    inboundHooks: inboundHooksAt(transport, place),
    eventTypes: (options) => transport.get([...place, 'event-types'], undefined, options),
    emit(type, data, { signal, idempotencyKey, ...context } = {}) {
      return transport.post(
        events,
        { ...context, type, data },
        { ...(signal && { signal }), ...(idempotencyKey !== undefined && { idempotencyKey }) },
      );
    },
    async emitBatch(batch, options) {
      const { results } = await transport.post<{ results: (Accepted | Problem)[] }>([...events, 'batch'], { events: batch }, options);
      return results.map((result) => {
        const problem = problemIn(result);
        return problem ? new PosthornApiError(problem) : (result as Accepted);
      });
    },
  };
}

function deliveriesAt<Name extends string>(transport: Transport, place: readonly string[]): Deliveries<Name> {
  const path = [...place, 'deliveries'];
  return {
    list: (query, options) => transport.get(path, query, options),
    get: (id, options) => transport.get([...path, id], undefined, options),
    redeliver: (id, options) => transport.post([...path, id, 'redeliver'], {}, options),
    cancel: (id, options) => transport.post([...path, id, 'cancel'], {}, options),
  };
}

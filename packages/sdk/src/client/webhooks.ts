import type { ChangedWebhook, NewWebhook, Page, PageQuery, Replay, Sent, Webhook, WebhookChange, WebhookWithSecret } from './resources.ts';
import type { CallOptions, PostOptions, Transport } from './transport.ts';

/** An organization's webhooks. `Name`: the event types that `test` accepts. */
export interface Webhooks<Name extends string = string> {
  /** Only this response contains the secret. */
  create(input: NewWebhook, options?: PostOptions): Promise<WebhookWithSecret>;
  list(query?: PageQuery & { readonly scope?: string }, options?: CallOptions): Promise<Page<Webhook>>;
  get(id: string, options?: CallOptions): Promise<Webhook>;
  update(id: string, change: WebhookChange, options?: CallOptions): Promise<ChangedWebhook>;
  /** Cancels its unfinished deliveries. */
  delete(id: string, options?: CallOptions): Promise<void>;
  /** Makes it active and sends its held deliveries. `replay`: also sends what it missed while it was marked failed. */
  enable(id: string, input?: { readonly replay?: boolean }, options?: PostOptions): Promise<Webhook>;
  /** Holds its deliveries until it is enabled. */
  pause(id: string, options?: PostOptions): Promise<Webhook>;
  ping(id: string, options?: PostOptions): Promise<Sent>;
  /** Sends the sample of an event type as a test event. */
  test(id: string, type: Name, options?: PostOptions): Promise<Sent>;
  /** Only this response contains the new secret. Both secrets sign for `overlapSeconds`, by default a day. */
  rotateSecret(
    id: string,
    input?: { readonly overlapSeconds?: number; readonly secret?: string },
    options?: PostOptions,
  ): Promise<WebhookWithSecret>;
  /** Sends events of a time span again. Resolves to the number of deliveries. */
  replay(id: string, input: Replay, options?: PostOptions): Promise<{ readonly deliveries: number }>;
}

export function webhooksAt<Name extends string>(transport: Transport, place: readonly string[]): Webhooks<Name> {
  const path = [...place, 'webhooks'];
  return {
    create: (input, options) => transport.post(path, input, options),
    list: (query, options) => transport.get(path, query, options),
    get: (id, options) => transport.get([...path, id], undefined, options),
    update: (id, change, options) => transport.patch([...path, id], change, options),
    delete: (id, options) => transport.delete([...path, id], options),
    enable: (id, input, options) => transport.post([...path, id, 'enable'], input, options),
    pause: (id, options) => transport.post([...path, id, 'pause'], {}, options),
    ping: (id, options) => transport.post([...path, id, 'ping'], {}, options),
    test: (id, type, options) => transport.post([...path, id, 'test'], { type }, options),
    rotateSecret: (id, input, options) => transport.post([...path, id, 'rotate-secret'], input, options),
    replay: (id, input, options) => transport.post([...path, id, 'replay'], input, options),
  };
}

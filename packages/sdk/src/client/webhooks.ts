import type { ChangedWebhook, NewWebhook, Page, PageQuery, Replay, Sent, Webhook, WebhookChange, WebhookWithSecret } from './resources.ts';
import type { CallOptions, PostOptions, Transport } from './transport.ts';

/** An organization's webhooks. `Name`: the event types there are to test with. */
export interface Webhooks<Name extends string = string> {
  /** The answer holds the secret, this once. */
  create(input: NewWebhook, options?: PostOptions): Promise<WebhookWithSecret>;
  list(query?: PageQuery & { readonly scope?: string }, options?: CallOptions): Promise<Page<Webhook>>;
  get(id: string, options?: CallOptions): Promise<Webhook>;
  update(id: string, change: WebhookChange, options?: CallOptions): Promise<ChangedWebhook>;
  /** What waits for it is cancelled. */
  delete(id: string, options?: CallOptions): Promise<void>;
  /** Makes it active; what was held goes out. With `replay` also what it missed since it was marked failed. */
  enable(id: string, input?: { readonly replay?: boolean }, options?: PostOptions): Promise<Webhook>;
  /** Holds its deliveries. */
  pause(id: string, options?: PostOptions): Promise<Webhook>;
  ping(id: string, options?: PostOptions): Promise<Sent>;
  /** Sends the sample of an event type, marked as a test. */
  test(id: string, type: Name, options?: PostOptions): Promise<Sent>;
  /** A new secret, which the answer holds this once. The old one goes on signing beside it for `overlapSeconds`; default: a day. */
  rotateSecret(
    id: string,
    input?: { readonly overlapSeconds?: number; readonly secret?: string },
    options?: PostOptions,
  ): Promise<WebhookWithSecret>;
  /** Sends the events of a time span again. Answers how many deliveries that makes. */
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

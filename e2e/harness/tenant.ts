import { eventually } from '../../packages/server/test-support/eventually.ts';
import type { Api, ApiAnswer, Method } from './api.ts';

export interface MadeWebhook {
  readonly id: string;
  readonly secret: string;
  readonly status: string;
  readonly warnings: readonly { readonly code: string }[];
}

export interface ShownAttempt {
  readonly number: number;
  readonly at: string;
  readonly request: { readonly url: string; readonly method: string; readonly headers: [string, string][]; readonly body: string };
  readonly response: { readonly status: number; readonly body: string } | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly nextAttemptAt: string | null;
}

export interface ShownDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly status: string;
  readonly attemptCount: number;
  readonly attempts: readonly ShownAttempt[];
}

/** One organization's part of the API, as its tests need it. */
export interface TestTenant {
  readonly id: string;
  readonly path: string;
  webhook(input: object): Promise<MadeWebhook>;
  emit(type: string, data: object, more?: object): Promise<{ id: string; deliveries: number }>;
  /** Pushes an object's state; `object` is `kind/id`. */
  push(object: string, state: object, more?: object): Promise<PushOutcome>;
  /** The only delivery of an event. */
  delivery(eventId: string): Promise<ShownDelivery>;
  /** The only delivery of an event, once it has that status and so many attempts. */
  settled(eventId: string, status: string, attemptCount?: number): Promise<ShownDelivery>;
  call<Body>(method: Method, path: string, body?: unknown): Promise<Body>;
  /** Whatever it answers is an answer. */
  request<Body>(method: Method, path: string, body?: unknown): Promise<ApiAnswer<Body>>;
}

export interface PushOutcome {
  readonly object: { readonly version: number; readonly state: object };
  readonly events: readonly { readonly id: string; readonly type: string }[];
}

let made = 0;

/** Makes an organization of a product. */
export async function makeTenant(api: Api, product = 'generic', settings: object = {}): Promise<TestTenant> {
  const id = `org-${process.pid}-${made++}`;
  await api.call('POST', '/v1/organizations', { id, name: `Organization ${id}`, product, ...settings });
  const path = `/v1/organizations/${id}`;
  const tenant: TestTenant = {
    id,
    path,
    webhook: (input) => api.call('POST', `${path}/webhooks`, { events: ['*'], ...input }),
    emit: (type, data, more = {}) => api.call('POST', `${path}/events`, { type, data, ...more }),
    push: (object, state, more = {}) => api.call('PUT', `${path}/objects/${object}`, { state, ...more }),
    async delivery(eventId) {
      const { data } = await api.call<{ data: ShownDelivery[] }>('GET', `${path}/deliveries?event=${encodeURIComponent(eventId)}`);
      const [only, ...others] = data;
      if (!only || others.length > 0) throw new Error(`There are ${data.length} deliveries of ${eventId}.`);
      return api.call('GET', `${path}/deliveries/${only.id}`);
    },
    settled: (eventId, status, attemptCount) =>
      eventually(async () => {
        const delivery = await tenant.delivery(eventId);
        if (delivery.status === status && delivery.attemptCount === (attemptCount ?? delivery.attemptCount)) return delivery;
        throw new Error(`The delivery is ${delivery.status} after ${delivery.attemptCount} attempts.`);
      }),
    call: (method, rest, body) => api.call(method, path + rest, body),
    request: (method, rest, body) => api.request(method, path + rest, { body }),
  };
  return tenant;
}

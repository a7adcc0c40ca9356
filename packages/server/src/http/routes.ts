import type { FastifyInstance } from 'fastify';
import type { Goals } from '../goals/goals.ts';
import type { InboundHooks } from '../inbound/inbound-hooks.ts';
import type { Maintenance } from '../inbound/maintenance.ts';
import type { Receiver } from '../inbound/receiver.ts';
import { MAX_BODY_BYTES } from './server.ts';
import { apiKeyRoutes, type ApiKeyServices } from './api-keys/routes.ts';
import { digestRoutes, type DigestServices } from './digests/routes.ts';
import { deliveryRoutes, type DeliveryServices } from './deliveries/routes.ts';
import { eventTypeRoutes } from './event-types/routes.ts';
import { eventReadRoutes, type EventServices } from './events/read-routes.ts';
import { emitRoutes, type EmitServices } from './events/emit-routes.ts';
import { healthRoutes, type HealthServices } from './health.ts';
import { goalRoutes } from './goals/routes.ts';
import { inboundHookRoutes } from './inbound-hooks/routes.ts';
import { maintenanceRoutes } from './inbound/maintenance-routes.ts';
import { receiveRoutes } from './inbound/receive-routes.ts';
import type { InboundTransport } from './inbound/transport.ts';
import { inboxRoutes } from './inbox/routes.ts';
import { objectBulkRoutes } from './objects/bulk-routes.ts';
import { objectReadRoutes, type ObjectReadServices } from './objects/read-routes.ts';
import { objectRoutes, type ObjectServices } from './objects/routes.ts';
import { organizationRoutes, type OrganizationServices } from './organizations/routes.ts';
import { webhookRecoveryRoutes, type RecoveryServices } from './webhooks/recovery-routes.ts';
import { webhookRoutes, type WebhookServices } from './webhooks/routes.ts';

/** A source that needs longer for 1 MiB has lost its connection. */
const INBOUND_BODY_TIMEOUT_MS = 30_000;

export interface Services
  extends
    OrganizationServices,
    WebhookServices,
    RecoveryServices,
    EmitServices,
    ObjectServices,
    ObjectReadServices,
    DigestServices,
    DeliveryServices,
    EventServices,
    ApiKeyServices,
    HealthServices {
  readonly inbound: {
    readonly goals: Goals;
    readonly hooks: InboundHooks;
    readonly receiver: Receiver;
    readonly maintenance: Maintenance;
  };
  readonly publicUrl: () => string;
  readonly config: { readonly inbox: boolean; readonly inboundTransport: InboundTransport; readonly trustedProxies: readonly string[] };
}

/** Returns functions that register the routes under /v1 and those that need no API key. */
export function registerRoutes(services: Services): Record<'api' | 'open', (app: FastifyInstance) => Promise<void>> {
  const { inbound, config } = services;
  return {
    async api(app) {
      organizationRoutes(app, services);
      webhookRoutes(app, services);
      webhookRecoveryRoutes(app, services);
      eventTypeRoutes(app);
      emitRoutes(app, services);
      eventReadRoutes(app, services);
      objectRoutes(app, services);
      objectReadRoutes(app, services);
      objectBulkRoutes(app, services);
      digestRoutes(app, services);
      await goalRoutes(app, inbound);
      inboundHookRoutes(app, { ...services, inboundHooks: inbound.hooks });
      maintenanceRoutes(app, inbound);
      deliveryRoutes(app, services);
      apiKeyRoutes(app, services);
    },
    async open(app) {
      healthRoutes(app, services);
      await receiveRoutes(app, {
        receiver: inbound.receiver,
        receive: {
          transport: config.inboundTransport,
          trustedProxies: config.trustedProxies,
          bodyTimeoutMs: INBOUND_BODY_TIMEOUT_MS,
          maxBodyBytes: MAX_BODY_BYTES,
        },
      });
      if (config.inbox) await inboxRoutes(app, services);
    },
  };
}

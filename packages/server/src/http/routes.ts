import type { FastifyInstance } from 'fastify';
import type { Database } from '../store/database.ts';
import type { Authenticator } from './auth.ts';
import { apiKeyRoutes, type ApiKeyServices } from './api-keys/routes.ts';
import { digestRoutes, type DigestServices } from './digests/routes.ts';
import { deliveryRoutes, type DeliveryServices } from './deliveries/routes.ts';
import { eventTypeRoutes } from './event-types/routes.ts';
import { eventReadRoutes } from './events/read-routes.ts';
import { emitRoutes, type EmitServices } from './events/emit-routes.ts';
import { healthRoutes, type HealthServices } from './health.ts';
import { inboxRoutes } from './inbox/routes.ts';
import { objectBulkRoutes } from './objects/bulk-routes.ts';
import { objectReadRoutes } from './objects/read-routes.ts';
import { objectRoutes, type ObjectServices } from './objects/routes.ts';
import { organizationRoutes, type OrganizationServices } from './organizations/routes.ts';
import { webhookRecoveryRoutes, type RecoveryServices } from './webhooks/recovery-routes.ts';
import { webhookRoutes, type WebhookServices } from './webhooks/routes.ts';

export interface Services
  extends
    OrganizationServices,
    WebhookServices,
    RecoveryServices,
    EmitServices,
    ObjectServices,
    DigestServices,
    DeliveryServices,
    ApiKeyServices,
    HealthServices {
  readonly database: Database;
  readonly authenticator: Authenticator;
  readonly config: { readonly inbox: boolean };
}

/** Every route of the server: those under /v1, and those that need no key. */
export function registerRoutes(services: Services): { api: (app: FastifyInstance) => void; open: (app: FastifyInstance) => Promise<void> } {
  return {
    api(app) {
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
      deliveryRoutes(app, services);
      apiKeyRoutes(app, services);
    },
    async open(app) {
      healthRoutes(app, services);
      if (services.config.inbox) await inboxRoutes(app, services);
    },
  };
}

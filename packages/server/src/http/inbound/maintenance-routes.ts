import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { WHOLE_SERVER, type Maintenance } from '../../inbound/maintenance.ts';
import { requireRoot } from '../../access/principal.ts';

const DEFAULT_RETRY_SECONDS = 60;
const TAGS = ['Inbound hooks'];

const Shown = Type.Object(
  {
    enabled: Type.Boolean(),
    retryAfterSeconds: Type.Union([Type.Integer(), Type.Null()]),
    since: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  },
  { title: 'InboundMaintenance' },
);

const Switch = Type.Object(
  {
    enabled: Type.Boolean(),
    retryAfterSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400, default: DEFAULT_RETRY_SECONDS })),
  },
  { additionalProperties: false },
);

/** Routes for maintenance mode of inbound hooks, for the whole server or one organization. They need a root key. */
export function maintenanceRoutes(app: FastifyInstance, { maintenance }: { maintenance: Maintenance }): void {
  switchRoutes(app, { maintenance, path: '/inbound-maintenance', of: () => WHOLE_SERVER });
  const ofOrganization = (request: FastifyRequest): number => request.tenant.organization.key;
  switchRoutes(app, { maintenance, path: '/organizations/:org/inbound-maintenance', of: ofOrganization });
}

interface SwitchRoutes {
  readonly maintenance: Maintenance;
  readonly path: string;
  readonly of: (request: FastifyRequest) => number;
}

function switchRoutes(app: FastifyInstance, { maintenance, path, of }: SwitchRoutes): void {
  const shown = (key: number) => {
    const mode = maintenance.of(key);
    return { enabled: mode !== null, retryAfterSeconds: mode?.retryAfterSeconds ?? null, since: mode?.since.toISOString() ?? null };
  };

  app.get(path, { schema: { tags: TAGS, summary: 'Get inbound maintenance mode', response: { 200: Shown } } }, async (request) => {
    requireRoot(request.principal);
    return shown(of(request));
  });

  app.put<{ Body: { enabled: boolean; retryAfterSeconds?: number } }>(
    path,
    {
      schema: {
        tags: TAGS,
        summary: 'Update inbound maintenance mode',
        description: 'While it is on, inbound posts return 503.',
        body: Switch,
        response: { 200: Shown },
      },
    },
    async (request) => {
      requireRoot(request.principal);
      const { enabled, retryAfterSeconds = DEFAULT_RETRY_SECONDS } = request.body;
      const key = of(request);
      await maintenance.set(key, enabled ? retryAfterSeconds : null);
      return shown(key);
    },
  );
}

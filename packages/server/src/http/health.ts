import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { VERSION } from '../telemetry/version.ts';
import type { Readiness } from './readiness.ts';

export interface HealthServices {
  readonly readiness: Pick<Readiness, 'problems'>;
  readonly engine: { readonly gauges: Readonly<Record<string, number>> };
}

/** /healthz: the process is running. /readyz: it accepts requests, or why not. /metrics: for Prometheus. */
export function healthRoutes(app: FastifyInstance, { readiness, engine }: HealthServices): void {
  app.get('/healthz', async () => ({ status: 'ok', version: VERSION }));

  app.get('/readyz', async (_request, reply) => {
    const problems = await readiness.problems();
    if (problems.length === 0) return { status: 'ready', version: VERSION };
    return reply.code(503).header('retry-after', '1').send({ status: 'not ready', problems });
  });

  const registry = metrics(engine);
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
}

function metrics(engine: HealthServices['engine']): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = new Gauge({
    name: 'posthorn_deliveries',
    help: 'Deliveries in memory by state (fresh: without a row yet), events in the log that wait for room in memory, and shards owned.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, value] of Object.entries(engine.gauges)) this.set({ state }, value);
    },
  });
  void gauge;
  return registry;
}

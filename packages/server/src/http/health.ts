import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { statement, type Database } from '../store/database.ts';
import { VERSION } from '../telemetry/version.ts';

export interface HealthServices {
  readonly database: Database;
  readonly engine: {
    /** null: it works. */
    readonly notReady: string | null;
    readonly gauges: Readonly<Record<string, number>>;
  };
}

const ALIVE = statement('alive', 'SELECT 1 AS alive');
const DATABASE_MS = 2_000;

/** /healthz: the process runs. /readyz: it can take requests, or what it lacks. /metrics: for Prometheus. */
export function healthRoutes(app: FastifyInstance, { database, engine }: HealthServices): void {
  app.get('/healthz', async () => ({ status: 'ok', version: VERSION }));

  app.get('/readyz', async (_request, reply) => {
    const problems = [await databaseProblem(database), engine.notReady].filter((problem) => problem !== null);
    if (problems.length === 0) return { status: 'ready', version: VERSION };
    return reply.code(503).header('retry-after', '1').send({ status: 'not ready', problems });
  });

  const registry = metrics(engine);
  app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
}

async function databaseProblem(database: Database): Promise<string | null> {
  const answered = database.query(ALIVE).then(
    () => null,
    () => 'the database refuses queries',
  );
  const late = new Promise<string>((resolve) => setTimeout(resolve, DATABASE_MS, 'the database does not answer').unref());
  return Promise.race([answered, late]);
}

function metrics(engine: HealthServices['engine']): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = new Gauge({
    name: 'posthorn_deliveries',
    help: 'Deliveries in memory by what happens to them, and shards owned.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, value] of Object.entries(engine.gauges)) this.set({ state }, value);
    },
  });
  void gauge;
  return registry;
}

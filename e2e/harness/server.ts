import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { freePort } from '../../packages/server/test-support/free-port.ts';
import { createApi, type Api } from './api.ts';

export interface ServerOptions {
  /** PostgreSQL to run on. Absent: embedded, in the data folder. */
  readonly databaseUrl?: string;
  /** Kept when given; otherwise an own temporary folder, removed at the end. */
  readonly dataDir?: string;
  /** Further environment; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface RunningServer extends Api, AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  readonly rootKey: string;
  /** Needed by a second node on the same database. */
  readonly encryptionKey: string;
  /** Everything it wrote so far, on both streams. */
  output(): string;
  /** Sends SIGTERM and waits for the end. Answers the exit code. Rejects after `deadlineMs`, having killed it. */
  stop(deadlineMs?: number): Promise<number | null>;
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>;
}

const MAIN = join(import.meta.dirname, '../../packages/server/src/main.ts');
const END_WITH_PARENT = join(import.meta.dirname, 'end-with-parent.ts');
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 30_000;

/**
 * Starts the server as its users do, on a free port, and waits until it is ready. Webhooks may reach 127.0.0.1.
 * Throws with its output when it ends before.
 *
 * ```ts
 * await using server = await startServer();
 * await server.call('POST', '/v1/organizations', { id: 'acme', name: 'Acme' });
 * ```
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'posthorn-e2e-')));
  const url = `http://127.0.0.1:${await freePort()}`;
  const environment = environmentOf(url, dataDir, options);
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, MAIN], {
    cwd: dataDir,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = collectOutput(child);
  const exited = once(child, 'exit');
  const removeDataDir = async (): Promise<void> => {
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };

  try {
    await untilReady(url, child);
  } catch (error) {
    await end('SIGKILL');
    await removeDataDir();
    throw new Error(`The server did not get ready.\n${output()}`, { cause: error });
  }

  const rootKey = environment['POSTHORN_ROOT_KEY'] ?? '';
  return {
    ...createApi(url, rootKey),
    url,
    pid: child.pid ?? 0,
    dataDir,
    rootKey,
    encryptionKey: environment['POSTHORN_ENCRYPTION_KEY'] ?? '',
    output,
    async stop(deadlineMs = STOP_WITHIN_MS) {
      await within(deadlineMs, end('SIGTERM')).catch(async (error: unknown) => {
        await end('SIGKILL');
        throw new Error(`The server did not stop.\n${output()}`, { cause: error });
      });
      return child.exitCode;
    },
    kill: () => end('SIGKILL'),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      await removeDataDir();
    },
  };
}

function environmentOf(url: string, dataDir: string, { databaseUrl, environment = {} }: ServerOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    TMPDIR: process.env['TMPDIR'],
    NODE_ENV: 'test',
    POSTHORN_PORT: new URL(url).port,
    POSTHORN_DATA_DIR: dataDir,
    POSTHORN_ROOT_KEY: `phk_${randomBytes(24).toString('base64url')}`,
    POSTHORN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    POSTHORN_ALLOW_TARGETS: '127.0.0.0/8',
    POSTHORN_STOP_DELAY_SECONDS: '0',
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...environment,
  };
}

function collectOutput(child: ChildProcess): () => string {
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
  }
  return () => chunks.join('');
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await fetch(`${url}/readyz`).then(
      (response) => response.status,
      () => null,
    );
    if (status === 200) return;
    if (performance.now() > deadline) throw new Error(`/readyz answered ${status ?? 'nothing'} for ${READY_WITHIN_MS} ms.`);
    await after(20);
  }
  throw new Error(`It exited with ${child.exitCode ?? child.signalCode}.`);
}

async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  const done = new AbortController();
  const late = after(ms, undefined, { signal: done.signal }).then(() => {
    throw new Error(`Not done within ${ms} ms.`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined);
    done.abort();
  }
}

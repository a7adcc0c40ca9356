import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './postgres.ts';

/** Posthorn as users start it: a process with settings from the environment. */
export interface Posthorn extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly rootKey: string;
  /** From the start of the process until it said that it was ready. */
  readonly readyMs: number;
  /** SIGTERM, and the end of what it was doing. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Freezes the process (SIGSTOP) or lets it continue (SIGCONT). */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export interface PosthornOptions {
  readonly main: string;
  /** null: the embedded database. */
  readonly databaseUrl: string | null;
  readonly logFile: string;
  /** Writes a CPU profile into this folder when it stops. */
  readonly profileFolder?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** A module that Node.js loads before the server, in each of its threads. */
  readonly preload?: string | undefined;
  /** Further environment. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** Not secret: they guard a database that is gone after the run. */
export const ROOT_KEY = 'phk_bench_0123456789abcdefghijklmnopqrstuvwxyzABCDEF';
export const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');

/** As `npm start` has it. Room for short-lived objects: in `batch` it saves an eighth of the server's CPU time. */
const NODE_FLAGS = ['--max-semi-space-size=64', '--external-memory-accounted-in-global-limit'];
const READY_MS = 60_000;
const STOP_MS = 60_000;

/** Starts the server and waits until it says that it is ready. */
export async function startPosthorn(options: PosthornOptions): Promise<Posthorn> {
  const port = options.port ?? (await freePort());
  const dataFolder = await mkdtemp(join(tmpdir(), 'posthorn-bench-data-'));
  const log = openSync(options.logFile, 'a');
  const { DATABASE_URL: _, ...environment } = process.env;
  const startedAt = performance.now();
  const profiling = options.profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${options.profileFolder}`] : [];
  const preload = options.preload ? ['--import', options.preload] : [];
  const child = spawn(process.execPath, [...NODE_FLAGS, ...profiling, ...preload, options.main], {
    stdio: ['ignore', log, log],
    env: {
      ...environment,
      ...(options.databaseUrl === null ? {} : { DATABASE_URL: options.databaseUrl }),
      POSTHORN_PORT: String(port),
      POSTHORN_DATA_DIR: dataFolder,
      POSTHORN_ROOT_KEY: ROOT_KEY,
      POSTHORN_ENCRYPTION_KEY: ENCRYPTION_KEY,
      POSTHORN_ALLOW_TARGETS: '127.0.0.0/8',
      POSTHORN_STOP_DELAY_SECONDS: '0',
      // All load comes from one address.
      POSTHORN_INBOUND_RATE_PER_ADDRESS: '1000000',
      POSTHORN_INBOUND_RATE_PER_TARGET: '1000000',
      ...options.environment,
    },
  });
  closeSync(log);
  endWithBench(child, dataFolder);
  const stop = (): Promise<void> => end(child, 'SIGTERM');
  const kill = (): Promise<void> => end(child, 'SIGKILL');
  try {
    await ready(child, port);
  } catch (error) {
    await kill();
    throw new Error(`Posthorn did not start; see ${options.logFile}.`, { cause: error });
  }
  const readyMs = performance.now() - startedAt;
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => void child.kill(name);
  return { pid: child.pid ?? 0, port, rootKey: ROOT_KEY, readyMs, stop, kill, signal, [Symbol.asyncDispose]: stop };
}

/** An interrupted bench leaves no server behind, and no server its folder. */
function endWithBench(child: ChildProcess, dataFolder: string): void {
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => {
    process.off('exit', kill);
    rmSync(dataFolder, { recursive: true, force: true });
  });
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It ended with ${child.signalCode ?? child.exitCode}.`);
    const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('It was not ready in time.');
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  child.kill(signal);
  await exit;
  clearTimeout(timer);
}

import { join } from 'node:path';
import { startPosthorn, type Posthorn } from './environment/posthorn.ts';
import { startWorker, type Worker } from './environment/worker.ts';
import type { Postgres } from './environment/postgres.ts';
import type { LimitCommands } from './limit/limit-process.ts';
import type { LoadCommands } from './load/load-process.ts';
import type { Options } from './options.ts';
import type { SinkCommands } from './sink/sink-process.ts';
import { Stage } from './stage.ts';

export interface BenchOptions {
  readonly options: Options;
  readonly postgres: Postgres;
  /** For logs and profiles. */
  readonly folder: string;
  /** The server's main module. */
  readonly main: string;
}

export const DATA_BYTES = 1024;
const LIMIT_SECONDS = 4;
const LIMIT_CONNECTIONS = 64;
/** Each is an origin of its own to the sender. */
const SINK_HOSTS = 200;

/** The processes around the server, and what scenarios need of them. */
export class Bench implements AsyncDisposable {
  readonly options: Options;
  readonly postgres: Postgres;
  readonly sink: Worker<SinkCommands>;
  readonly load: Worker<LoadCommands>;
  readonly #limit: Worker<LimitCommands>;
  readonly #bench: BenchOptions;
  readonly #sinkPort: number;
  #limits: number[] = [];

  private constructor(bench: BenchOptions, workers: Workers) {
    this.options = bench.options;
    this.postgres = bench.postgres;
    this.sink = workers.sink;
    this.load = workers.load;
    this.#limit = workers.limit;
    this.#sinkPort = workers.sinkPort;
    this.#bench = bench;
  }

  static async start(bench: BenchOptions): Promise<Bench> {
    const sink = await startWorker<SinkCommands>(new URL('sink/sink-process.ts', import.meta.url));
    const load = await startWorker<LoadCommands>(new URL('load/load-process.ts', import.meta.url));
    const limit = await startWorker<LimitCommands>(new URL('limit/limit-process.ts', import.meta.url));
    const hosts = Array.from({ length: SINK_HOSTS }, (_, index) => hostOf(index));
    return new Bench(bench, { sink, load, limit, sinkPort: await sink.call('listen', { hosts }) });
  }

  /** Measures what the bare loop posts a second: signed posts of the same body to the same sink, from one process. */
  async measureLimit(): Promise<void> {
    const limit = await this.#limit.call('measure', {
      origin: this.#origin(0),
      connections: LIMIT_CONNECTIONS,
      seconds: LIMIT_SECONDS,
      dataBytes: DATA_BYTES,
    });
    this.#limits.push(limit);
  }

  /** All that were measured since the last call, and the one before. */
  takeLimits(): number[] {
    const limits = this.#limits;
    this.#limits = limits.slice(-1);
    return limits;
  }

  /** Where the sink takes deliveries of an event's webhook number `slot`; `name` tells webhooks apart. */
  webhookUrl(slot: number, name: string, more: { hanging?: boolean; origin?: number } = {}): string {
    return `${this.#origin(more.origin ?? 0)}/${more.hanging ? 'h' : 'w'}/${slot}/${name}`;
  }

  /** A fresh database with a node on it. */
  async stage(label: string): Promise<Stage> {
    const { folder, main, options } = this.#bench;
    const stage = new Stage({ label, folder, main, profile: options.profile, database: await this.postgres.createDatabase() });
    await stage.startNode();
    return stage;
  }

  /** A node on an embedded database of its own, made as it starts. */
  startEmbedded(label: string): Promise<Posthorn> {
    const { folder, main } = this.#bench;
    return startPosthorn({ main, databaseUrl: null, logFile: join(folder, `${label}.log`) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.sink, this.load, this.#limit].map((worker) => worker[Symbol.asyncDispose]()));
  }

  #origin(index: number): string {
    return `http://${hostOf(index % SINK_HOSTS)}:${this.#sinkPort}`;
  }
}

interface Workers {
  readonly sink: Worker<SinkCommands>;
  readonly load: Worker<LoadCommands>;
  readonly limit: Worker<LimitCommands>;
  readonly sinkPort: number;
}

/** All of 127.0.0.0/8 is this machine. */
function hostOf(index: number): string {
  return `127.0.${Math.floor(index / 250)}.${(index % 250) + 1}`;
}

import { join } from 'node:path';
import { apiOf, type Api } from './environment/api.ts';
import type { BenchDatabase } from './environment/postgres.ts';
import { startPosthorn, type Posthorn } from './environment/posthorn.ts';
import { nowUs } from './measure/clock.ts';
import { printProfiles } from './profile/print-profiles.ts';

export interface StageOptions {
  readonly label: string;
  readonly database: BenchDatabase;
  /** The server's main module. */
  readonly main: string;
  /** For logs and profiles. */
  readonly folder: string;
  readonly profile: boolean;
}

/** A fresh database and the servers that work on it. */
export class Stage implements AsyncDisposable {
  readonly database: BenchDatabase;
  readonly #options: StageOptions;
  readonly #nodes: Posthorn[] = [];
  #started = 0;
  #window: { fromUs: number; toUs: number } | null = null;

  constructor(options: StageOptions) {
    this.#options = options;
    this.database = options.database;
  }

  get nodes(): readonly Posthorn[] {
    return this.#nodes;
  }

  get api(): Api {
    const [first] = this.#nodes;
    if (!first) throw new Error('No node is running.');
    return apiOf(first);
  }

  async startNode(): Promise<Posthorn> {
    const { label, database, main, folder, profile } = this.#options;
    const name = `${label}-node${++this.#started}`;
    const node = await startPosthorn({
      main,
      databaseUrl: database.url,
      logFile: join(folder, `${name}.log`),
      profileFolder: profile ? this.#profileFolder() : undefined,
    });
    this.#nodes.push(node);
    return node;
  }

  async stopNodes(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.stop()));
  }

  async killNode(node: Posthorn): Promise<void> {
    this.#nodes.splice(this.#nodes.indexOf(node), 1);
    await node.kill();
  }

  /** A measurement ended: profiles show the last one. */
  measured(seconds: number): void {
    const toUs = nowUs();
    this.#window = { fromUs: toUs - seconds * 1e6, toUs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopNodes();
    await this.database[Symbol.asyncDispose]();
    if (this.#options.profile) await printProfiles(this.#profileFolder(), this.#window);
  }

  #profileFolder(): string {
    return join(this.#options.folder, `${this.#options.label}-profile`);
  }
}

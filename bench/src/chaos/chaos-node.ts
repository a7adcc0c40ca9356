import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPosthorn, type Posthorn } from '../environment/posthorn.ts';
import { freePort } from '../environment/postgres.ts';
import type { DatabaseLine } from '../../../packages/server/test-support/database-line.ts';

const SERVER = fileURLToPath(new URL('../../../packages/server/src/main.ts', import.meta.url));
const SHIFTED_CLOCK = new URL('shifted-clock.ts', import.meta.url).href;

export interface ChaosNodeOptions {
  readonly name: string;
  /** For its log and its clock. */
  readonly folder: string;
  /** Between the node and its database. */
  readonly line: DatabaseLine;
}

/** A place for a server process, which can be killed, frozen and started again on the same port. */
export class ChaosNode implements AsyncDisposable {
  readonly name: string;
  readonly line: DatabaseLine;
  readonly url: string;
  readonly #options: ChaosNodeOptions;
  readonly #port: number;
  #process: Posthorn | null = null;

  private constructor(options: ChaosNodeOptions, port: number) {
    this.name = options.name;
    this.line = options.line;
    this.url = `http://127.0.0.1:${port}`;
    this.#options = options;
    this.#port = port;
  }

  static async start(options: ChaosNodeOptions): Promise<ChaosNode> {
    const node = new ChaosNode(options, await freePort());
    await node.setClock(0);
    await node.start();
    return node;
  }

  /** null: no process runs. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** Resolves when the server is ready. */
  async start(): Promise<void> {
    const { name, folder, line } = this.#options;
    this.#process = await startPosthorn({
      main: SERVER,
      databaseUrl: line.url,
      logFile: join(folder, `${name}.log`),
      port: this.#port,
      preload: SHIFTED_CLOCK,
      environment: { CHAOS_CLOCK_FILE: this.#clockFile },
    });
  }

  /** Sets how far the node's wall clock is ahead of this machine's, while it runs or for its next start. */
  async setClock(aheadMs: number): Promise<void> {
    await writeFile(this.#clockFile, String(aheadMs));
  }

  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    await running?.kill();
  }

  /** As an operator stops it: SIGTERM. */
  async stop(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    await running?.stop();
  }

  freeze(): void {
    this.#process?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#process?.signal('SIGCONT');
  }

  async isReady(): Promise<boolean> {
    const response = await fetch(`${this.url}/readyz`).catch(() => null);
    return response?.ok ?? false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.line[Symbol.asyncDispose]();
  }

  get #clockFile(): string {
    return join(this.#options.folder, `${this.name}.clock`);
  }
}

import { apiOf, type Api } from '../environment/api.ts';
import { ROOT_KEY } from '../environment/posthorn.ts';
import { startWorker, type Worker } from '../environment/worker.ts';
import { startDatabaseLine } from '../../../packages/server/test-support/database-line.ts';
import type { PostgresServerOptions } from '../../../packages/server/test-support/postgres-server.ts';
import { ChaosNode } from './chaos-node.ts';
import { startDatabase, type ChaosDatabase } from './database.ts';
import type { ReceiverCommands } from './receiver-process.ts';
import { within } from './waiting.ts';

export interface ChaosStageOptions {
  readonly name: string;
  /** For logs. */
  readonly folder: string;
  readonly nodes: number;
  readonly postgres?: PostgresServerOptions;
  /** Kinds of endpoints, as the receiver's paths name them: each organization gets a webhook of each. */
  readonly endpoints: readonly Endpoint[];
}

export interface Endpoint {
  /** First part of its path; see the receiver. */
  readonly kind: 'ok' | 'slow' | 'flaky';
  readonly ordered: boolean;
}

const ORGANIZATIONS = 12;
const RETRY = { kind: 'fixed', delayMs: 1_000, retries: 50, jitter: 0 };
const SHARDS = 64;
const SHARED_MS = 60_000;
const READY_MS = 60_000;

/** The database, the nodes and the receiver of one scenario, with organizations whose webhooks wait for the load. */
export class ChaosStage implements AsyncDisposable {
  readonly database: ChaosDatabase;
  readonly nodes: readonly ChaosNode[];
  readonly receiver: Worker<ReceiverCommands>;
  readonly receiverUrl: string;
  readonly organizations = Array.from({ length: ORGANIZATIONS }, (_, index) => `org-${index}`);
  readonly #endpoints: readonly Endpoint[];
  readonly #stack: AsyncDisposableStack;

  private constructor(parts: Parts) {
    this.database = parts.database;
    this.nodes = parts.nodes;
    this.receiver = parts.receiver;
    this.receiverUrl = `http://127.0.0.1:${parts.receiverPort}`;
    this.#endpoints = parts.endpoints;
    this.#stack = parts.stack;
  }

  static async open(options: ChaosStageOptions): Promise<ChaosStage> {
    await using stack = new AsyncDisposableStack();
    const receiver = stack.use(await startWorker<ReceiverCommands>(new URL('receiver-process.ts', import.meta.url)));
    const database = stack.use(await startDatabase(options.postgres ?? {}));
    const nodes: ChaosNode[] = [];
    for (let index = 1; index <= options.nodes; index++) {
      const line = await startDatabaseLine(database.url);
      const node = await ChaosNode.start({ name: `${options.name}-node${index}`, folder: options.folder, line });
      nodes.push(stack.use(node));
    }
    const receiverPort = await receiver.call('listen', undefined);
    const stage = new ChaosStage({ database, nodes, receiver, receiverPort, endpoints: options.endpoints, stack: stack.move() });
    try {
      await stage.#makeOrganizations();
      await stage.nodesShareTheWork();
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  /** Of the first node. */
  get api(): Api {
    const [first] = this.nodes;
    if (!first) throw new Error('The stage has no node.');
    return apiOf({ port: Number(new URL(first.url).port), rootKey: ROOT_KEY });
  }

  /** Paths of the webhooks that get the load's events of an organization. */
  pathsOf = (organization: string): readonly string[] =>
    this.#endpoints.map(({ kind, ordered }) => `/${kind}/${organization}/${ordered ? 'ordered' : 'plain'}`);

  isOrdered = (path: string): boolean => path.endsWith('/ordered');

  /** Waits until the shards are spread evenly over the nodes. */
  async nodesShareTheWork(): Promise<void> {
    await within(SHARED_MS, 'The nodes do not share the work.', async () => {
      const rows = await this.database.query<{ owned: number }>(
        'SELECT count(*)::int AS owned FROM shards WHERE owner IS NOT NULL AND expires_at > now() GROUP BY owner',
      );
      const most = Math.ceil(SHARDS / this.nodes.length);
      const owned = rows.reduce((sum, row) => sum + row.owned, 0);
      return rows.length === this.nodes.length && owned === SHARDS && rows.every((row) => row.owned <= most);
    });
  }

  async nodesAreReady(): Promise<void> {
    for (const node of this.nodes) await within(READY_MS, `${node.name} does not get ready.`, () => node.isReady());
  }

  /** Stops every node, and starts all of them. */
  async restartNodes(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #makeOrganizations(): Promise<void> {
    for (const organization of this.organizations) {
      await this.api.createOrganization(organization);
      for (const [index, { ordered }] of this.#endpoints.entries()) {
        const url = `${this.receiverUrl}${this.pathsOf(organization)[index] ?? ''}`;
        await this.api.createWebhook(organization, { url, ordered, retry: RETRY });
      }
    }
  }
}

interface Parts {
  readonly database: ChaosDatabase;
  readonly nodes: readonly ChaosNode[];
  readonly receiver: Worker<ReceiverCommands>;
  readonly receiverPort: number;
  readonly endpoints: readonly Endpoint[];
  readonly stack: AsyncDisposableStack;
}

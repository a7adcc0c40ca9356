import type { Catalog } from '../../src/catalog/catalog.ts';
import { createSealer } from '../../src/sealing/sealer.ts';
import { SHARD_COUNT } from '../../src/ids/shard.ts';
import type { DatabaseLink } from './database/link.ts';
import { Listeners } from './database/listeners.ts';
import { DatabaseServer } from './database/server.ts';
import { STATEMENTS } from './database/statements.ts';
import { History } from './history.ts';
import { Invariants, type Violation } from './invariants.ts';
import { createNode, type NodeOptions, type RunningNode } from './node.ts';
import type { SeededRandom } from './random.ts';
import type { EndpointState } from './sender.ts';
import type { VirtualTime } from './virtual-time.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** A machine on which a server process runs, and is restarted. */
export interface Machine {
  readonly name: string;
  clockOffset: number;
  /** null: the process is down, starting or stopping. */
  node: RunningNode | null;
  /** The process that runs, starts or stops there, and its link to the database. */
  process: SimulatedProcess | null;
  link: DatabaseLink | null;
  starts: number;
}

export interface Webhook {
  readonly id: string;
  readonly organizationKey: number;
  readonly isOrdered: boolean;
}

export interface WorldOptions {
  readonly catalog: Catalog;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly nodes: number;
  readonly walWriterMs: number;
  readonly maxCommitMs: number;
  readonly onViolation: (violation: Violation) => void;
  readonly onFault: (error: Error) => void;
  readonly trace: ((text: string) => void) | null;
}

/** The product of all organizations. */
export const PRODUCT_NAME = 'simulated';
const sealer = createSealer(['a key of the simulation']);
/** In shards far apart, so that they usually have different owners. */
const ORGANIZATION_KEYS = [1, 20, 40];
/** Enough retries that none is exhausted while endpoints fail for a while. */
const LONG_PLAN = { kind: 'fixed', delayMs: 1_000, retries: 10_000 };
const SHORT_PLAN = { kind: 'list', delaysMs: [500, 1_500] };
const START_AGAIN_MS = 500;

/** The simulated system: machines with nodes, one database server, organizations with webhooks, endpoints. */
export class World {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly history = new History();
  readonly server: DatabaseServer;
  readonly invariants: Invariants;
  readonly webhooks: readonly Webhook[];
  readonly machines: readonly Machine[];
  readonly organizationKeys = ORGANIZATION_KEYS;
  readonly endpoints = new Map<string, EndpointState>();
  readonly #options: WorldOptions;
  readonly #listeners: Listeners;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { time, random, onViolation, onFault, walWriterMs, maxCommitMs } = options;
    this.time = time;
    this.random = random;
    this.#listeners = new Listeners(time, random.fork());
    this.server = new DatabaseServer({ time, random: random.fork(), settings: { walWriterMs, maxCommitMs }, statements: STATEMENTS });
    this.webhooks = ORGANIZATION_KEYS.flatMap((organizationKey) =>
      [true, false].map((isOrdered) => ({ id: random.uuid(time.now - 1_000), organizationKey, isOrdered })),
    );
    this.machines = Array.from({ length: options.nodes }, (_, index) => ({
      name: `node-${String.fromCodePoint(97 + index)}`,
      clockOffset: 0,
      node: null,
      process: null,
      link: null,
      starts: 0,
    }));
    const isOrdered = (id: string): boolean => this.webhooks.find((webhook) => webhook.id === id)?.isOrdered === true;
    this.invariants = new Invariants({ time, server: this.server, history: this.history, isOrdered, onViolation });
    this.#fill();
    this.server.watcher = {
      onVisible: (changes, before) => this.invariants.committed(changes, before),
      onNotify: (payload) => this.#listeners.notify(payload),
      onDown: () => this.#breakAll(),
      onRecovered: () => this.invariants.recovered(),
      onFault,
    };
  }

  trace(text: string): void {
    this.#options.trace?.(text);
  }

  get running(): RunningNode[] {
    return this.machines.flatMap(({ node }) => node ?? []);
  }

  endpoint(webhookId: string): EndpointState {
    return this.endpoints.get(webhookId) ?? { kind: 'well', maxMs: 300 };
  }

  /** Starts a process on the machine, and retries while that fails. */
  async start(machine: Machine): Promise<void> {
    if (machine.process !== null) return;
    const process: SimulatedProcess = {
      name: `${machine.name}${++machine.starts}`,
      clockOffset: machine.clockOffset,
      frozenUntil: 0,
      isDead: false,
    };
    machine.process = process;
    this.trace(`${process.name} starts`);
    const { node, start } = createNode(process, this.#nodeOptions());
    machine.link = node.link;
    const started = await this.#unlessDead(process, this.time.as(process, start)).then(
      () => true,
      () => false,
    );
    if (machine.process !== process) return;
    if (started) {
      machine.node = node;
      this.trace(`${process.name} is up as node ${node.engine.nodeId}`);
      return;
    }
    this.trace(`${process.name} could not start`);
    this.kill(machine);
    this.time.after(START_AGAIN_MS, null, () => void this.start(machine));
  }

  /** Like `kill -9`. */
  kill(machine: Machine): void {
    const { process, link } = machine;
    if (!process) return;
    process.isDead = true;
    link?.break();
    machine.process = null;
    machine.link = null;
    machine.node = null;
    this.#deaths.get(process)?.();
  }

  /** Like SIGTERM. */
  async stop(machine: Machine, deadlineMs: number): Promise<void> {
    const { process, node } = machine;
    if (!process || !node) return;
    machine.node = null;
    this.trace(`${process.name} is stopped`);
    await this.#unlessDead(
      process,
      this.time.as(process, () => node.stop(deadlineMs)),
    ).catch((error: unknown) => this.trace(`${process.name} did not stop well: ${String(error)}`));
    if (machine.process === process) this.kill(machine);
  }

  /** Runs a function in a node's process. Rejects if the process dies first. */
  in<Result>(node: RunningNode, run: () => Promise<Result>): Promise<Result> {
    return this.#unlessDead(node.process, this.time.as(node.process, run));
  }

  readonly #deaths = new Map<SimulatedProcess, () => void>();

  #unlessDead<Result>(process: SimulatedProcess, promise: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const before = this.#deaths.get(process);
      this.#deaths.set(process, () => {
        before?.();
        reject(new Error('The process is dead.'));
      });
      promise.then(resolve, reject);
    });
  }

  #nodeOptions(): NodeOptions {
    return {
      time: this.time,
      random: this.random.fork(),
      server: this.server,
      listeners: this.#listeners,
      catalog: this.#options.catalog,
      sealer,
      endpoint: (webhookId) => this.endpoint(webhookId),
      watcher: { onSend: (sent) => this.#sent(sent) },
      onNotified: (process, payload) => this.#notified(process, payload),
      trace: this.#options.trace,
    };
  }

  #sent({ process, webhookId, eventId }: { process: SimulatedProcess; webhookId: string; eventId: string }): (isSuccess: boolean) => void {
    const delivery = this.history.delivery(eventId, webhookId);
    this.trace(`${process.name} sends ${delivery.id} (event ${eventId}, webhook ${webhookId})`);
    this.invariants.sending(process, delivery);
    const attempt = { process, startedAt: this.time.now, endedAt: null as number | null, isSuccess: false };
    delivery.attempts.push(attempt);
    return (isSuccess) => {
      attempt.endedAt = this.time.now;
      attempt.isSuccess = isSuccess;
      this.trace(`the endpoint ${isSuccess ? 'takes' : 'refuses'} ${delivery.id} of ${process.name}`);
    };
  }

  #notified(process: SimulatedProcess, payload: string): void {
    const [kind, id = ''] = payload.split(':');
    if (kind === 'cancelled') this.history.deliveries.get(id)?.notified.add(process);
  }

  #breakAll(): void {
    for (const { link } of this.machines) link?.break(this.random.between(0, 2_500));
  }

  /** The initial contents of the database. */
  #fill(): void {
    const transaction = this.server.begin();
    for (let id = 0; id < SHARD_COUNT; id++) {
      transaction.table('shards').put(String(id), { id, owner: null, epoch: 0, expires_at: 0, low_water: 0 });
    }
    for (const key of ORGANIZATION_KEYS) {
      transaction.table('organizations').put(String(key), { key, id: `organization-${key}`, product: PRODUCT_NAME, version: 1 });
    }
    for (const { id, organizationKey, isOrdered } of this.webhooks) {
      const retry = organizationKey === ORGANIZATION_KEYS[2] && !isOrdered ? SHORT_PLAN : LONG_PLAN;
      const state = { status: 'active', status_changed_at: 0, health_version: 1, failing_since: null, missed_since: null };
      transaction.table('webhooks').put(id, { id, organization_key: organizationKey, ordered: isOrdered, retry, ...state });
    }
    this.server.load(transaction);
  }
}

import type { Failure } from '@posthorn/protocol';
import { Connection } from './connection.ts';
import type { ConnectionLimit, Waiting } from './connection-limit.ts';
import { OriginShares, type WebhookShare } from './origin-shares.ts';
import type { Connections, RunningExchange } from './running-exchange.ts';
import type { Network, Target } from './socket-opening.ts';

export interface OriginPoolOptions {
  readonly target: Target;
  readonly network: Network;
  readonly limit: ConnectionLimit;
  readonly maxConnections: number;
  readonly keepAliveMs: number;
  /** How long an exchange waits for a connection before it is returned unsent. */
  readonly maxWaitMs: number;
  /** Called when a closed pool is empty. */
  readonly onEmpty: (pool: OriginPool) => void;
}

/** The connections to one origin, and the exchanges that wait for one. */
export class OriginPool implements Connections, Waiting {
  readonly #options: OriginPoolOptions;
  readonly #connections = new Set<Connection>();
  /** Last in, first out, so that surplus connections stay idle and time out. */
  readonly #idle: Connection[] = [];
  readonly #shares: OriginShares<RunningExchange>;
  #closed = false;

  constructor(options: OriginPoolOptions) {
    this.#options = options;
    this.#shares = new OriginShares(options.maxConnections);
  }

  /**
   * The webhook's share of the connections. Only valid for an exchange that is run in the same turn of the event loop.
   */
  shareOf(organizationKey: number, webhookId: string): WebhookShare<RunningExchange> {
    return this.#shares.of(organizationKey, webhookId);
  }

  /** Runs an exchange on a free connection, or queues it for one. */
  run(exchange: RunningExchange): void {
    const connection = this.#shares.admits(exchange.share) ? (this.#idle.pop() ?? this.#open()) : null;
    if (connection !== null) return this.#start(exchange, connection);
    this.#shares.wait(exchange.share, exchange);
    exchange.wait(this.#options.maxWaitMs);
  }

  /** Runs an exchange again on a new connection, because its connection broke. */
  repeat(exchange: RunningExchange, broken: Connection): void {
    this.#drop(broken);
    this.#shares.vacate(exchange.share);
    const connection = this.#open();
    if (connection !== null) {
      this.#start(exchange, connection);
    } else {
      this.#shares.wait(exchange.share, exchange);
      exchange.wait(this.#options.maxWaitMs);
    }
    this.serveWaiting();
  }

  /** Takes back the connection of a complete exchange. */
  release(exchange: RunningExchange, connection: Connection): void {
    this.#shares.vacate(exchange.share);
    if (!this.#connections.has(connection)) return this.serveWaiting();
    connection.running = null;
    this.#idle.push(connection);
    if (this.#shares.isWaiting) this.serveWaiting();
    if (connection.running !== null) return;
    if (this.#closed) this.#drop(connection);
    else this.#options.limit.idle();
  }

  /** Closes the connection of an exchange that was cut off. */
  discard(exchange: RunningExchange, connection: Connection): void {
    this.#shares.vacate(exchange.share);
    this.#drop(connection);
    this.serveWaiting();
  }

  /** The exchange no longer waits. */
  forget(exchange: RunningExchange): void {
    this.#shares.forget(exchange.share, exchange);
    this.#reportIfEmpty();
  }

  /** Gives free or new connections to waiting exchanges. */
  serveWaiting(): void {
    for (let next = this.#shares.next(); next !== null; next = this.#shares.next()) {
      const connection = this.#idle.pop() ?? this.#open();
      if (connection === null) return;
      this.#shares.forget(next.share, next);
      this.#start(next, connection);
    }
  }

  /** Closes one idle connection. Returns false if there is none. */
  closeOneIdle(): boolean {
    const oldest = this.#idle[0];
    if (oldest === undefined) return false;
    this.#drop(oldest);
    return true;
  }

  /** Closes idle connections now, and busy ones when their exchange ends. Waiting exchanges are still served. */
  close(): void {
    this.#closed = true;
    while (this.closeOneIdle());
    this.#reportIfEmpty();
  }

  /** Ends every exchange with this failure and closes all connections. */
  destroy(failure: Failure): void {
    this.#closed = true;
    for (let next = this.#shares.anyWaiting; next !== null; next = this.#shares.anyWaiting) next.stop(failure);
    for (const connection of [...this.#connections]) connection.running?.stop(failure);
    this.close();
  }

  #start(exchange: RunningExchange, connection: Connection): void {
    this.#shares.occupy(exchange.share);
    connection.running = exchange;
    exchange.start(connection);
  }

  #open(): Connection | null {
    const { target, network, limit, keepAliveMs, maxConnections } = this.#options;
    if (this.#connections.size >= maxConnections || !limit.take(this)) return null;
    const connection = new Connection({ target, network, keepAliveMs, onDisconnect: () => this.#dropIdle(connection) });
    this.#connections.add(connection);
    return connection;
  }

  /** A busy connection's socket may close: undici opens another, or the exchange gets the error. */
  #dropIdle(connection: Connection): void {
    if (connection.running === null) this.#drop(connection);
  }

  #drop(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    connection.running = null;
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    connection.destroy();
    this.#options.limit.give();
    this.#reportIfEmpty();
  }

  #reportIfEmpty(): void {
    if (this.#closed && this.#connections.size === 0 && !this.#shares.isWaiting) this.#options.onEmpty(this);
  }
}

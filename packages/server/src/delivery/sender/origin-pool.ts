import type { Failure } from '@posthorn/protocol';
import { ChainedList } from '../chained-list.ts';
import { Connection } from './connection.ts';
import type { ConnectionLimit, Waiting } from './connection-limit.ts';
import type { Connections, RunningExchange } from './running-exchange.ts';
import type { Network, Target } from './socket-opening.ts';

export interface OriginPoolOptions {
  readonly target: Target;
  readonly network: Network;
  readonly limit: ConnectionLimit;
  readonly maxConnections: number;
  readonly keepAliveMs: number;
  /** Called when a closed pool has nothing left. */
  readonly onEmpty: (pool: OriginPool) => void;
}

/** The connections to one origin, and the exchanges that wait for one. */
export class OriginPool implements Connections, Waiting {
  readonly #options: OriginPoolOptions;
  readonly #connections = new Set<Connection>();
  /** Last in, first out, so that surplus connections fall idle and time out. */
  readonly #idle: Connection[] = [];
  /** Exchanges that wait for a connection. */
  readonly #waiting = new ChainedList<RunningExchange>();
  #closed = false;

  constructor(options: OriginPoolOptions) {
    this.#options = options;
  }

  /** Runs an exchange on a free connection, or has it wait for one. */
  run(exchange: RunningExchange): void {
    const connection = this.#idle.pop() ?? this.#open();
    if (connection === null) this.#waiting.append(exchange);
    else this.#start(exchange, connection);
  }

  /** Runs an exchange again on a connection of its own, instead of the one that broke. */
  repeat(exchange: RunningExchange, broken: Connection): void {
    this.#drop(broken);
    const connection = this.#open();
    if (connection === null) this.#waiting.append(exchange);
    else this.#start(exchange, connection);
    this.serveWaiting();
  }

  /** Takes back a connection whose exchange is complete. */
  release(connection: Connection): void {
    if (connection.running === null) return;
    const next = this.#waiting.shift();
    if (next !== null) {
      this.#start(next, connection);
    } else if (this.#closed) {
      this.#drop(connection);
    } else {
      connection.running = null;
      this.#idle.push(connection);
      this.#options.limit.idle();
    }
  }

  /** Closes a connection whose exchange broke off. */
  discard(connection: Connection): void {
    this.#drop(connection);
    this.serveWaiting();
  }

  /** An exchange no longer waits. */
  forget(exchange: RunningExchange): void {
    this.#waiting.remove(exchange);
    this.#reportIfEmpty();
  }

  /** Lets those who wait have the connections that are free or may be opened. */
  serveWaiting(): void {
    while (this.#waiting.oldest !== null) {
      const connection = this.#idle.pop() ?? this.#open();
      if (connection === null) return;
      const next = this.#waiting.shift();
      if (next !== null) this.#start(next, connection);
    }
  }

  /** Closes one idle connection; false when there is none. */
  closeOneIdle(): boolean {
    const oldest = this.#idle[0];
    if (oldest === undefined) return false;
    this.#drop(oldest);
    return true;
  }

  /** Closes what is idle now, and the rest when its exchange ends. Exchanges that wait are still served. */
  close(): void {
    this.#closed = true;
    while (this.closeOneIdle());
    this.#reportIfEmpty();
  }

  /** Ends every exchange with this failure and closes all connections. */
  destroy(failure: Failure): void {
    this.#closed = true;
    for (let next = this.#waiting.oldest; next !== null; next = this.#waiting.oldest) next.stop(failure);
    for (const connection of [...this.#connections]) connection.running?.stop(failure);
    this.close();
  }

  #start(exchange: RunningExchange, connection: Connection): void {
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

  /** The socket of a busy connection may come and go: undici opens another, or the exchange hears of it. */
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
    if (this.#closed && this.#connections.size === 0 && this.#waiting.oldest === null) this.#options.onEmpty(this);
  }
}

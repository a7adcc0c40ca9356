import type { Failure } from '@posthorn/protocol';
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
  /** Busy connections with what runs on them. */
  readonly #busy = new Map<Connection, RunningExchange>();
  /** Last in, first out, so that surplus connections fall idle and time out. */
  readonly #idle: Connection[] = [];
  readonly #waiting = new Set<RunningExchange>();
  #closed = false;

  constructor(options: OriginPoolOptions) {
    this.#options = options;
  }

  /** Runs an exchange on a free connection, or has it wait for one. */
  run(exchange: RunningExchange): void {
    const connection = this.#idle.pop() ?? this.#open();
    if (connection === null) this.#waiting.add(exchange);
    else this.#start(exchange, connection);
  }

  /** Runs an exchange again on a connection of its own, instead of the one that broke. */
  repeat(exchange: RunningExchange, broken: Connection): void {
    this.#drop(broken);
    const connection = this.#open();
    if (connection === null) this.#waiting.add(exchange);
    else this.#start(exchange, connection);
    this.serveWaiting();
  }

  /** Takes back a connection whose exchange is complete. */
  release(connection: Connection): void {
    if (!this.#busy.has(connection)) return;
    const next = this.#nextWaiting();
    if (next !== null) {
      this.#start(next, connection);
    } else if (this.#closed) {
      this.#drop(connection);
    } else {
      this.#busy.delete(connection);
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
    this.#waiting.delete(exchange);
    this.#reportIfEmpty();
  }

  /** Lets those who wait have the connections that are free or may be opened. */
  serveWaiting(): void {
    while (this.#waiting.size > 0) {
      const connection = this.#idle.pop() ?? this.#open();
      if (connection === null) return;
      const next = this.#nextWaiting();
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
    for (const exchange of [...this.#waiting, ...this.#busy.values()]) exchange.stop(failure);
    this.close();
  }

  #start(exchange: RunningExchange, connection: Connection): void {
    this.#busy.set(connection, exchange);
    exchange.start(connection);
  }

  #nextWaiting(): RunningExchange | null {
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      return exchange;
    }
    return null;
  }

  #open(): Connection | null {
    const { target, network, limit, keepAliveMs, maxConnections } = this.#options;
    if (this.#busy.size + this.#idle.length >= maxConnections || !limit.take(this)) return null;
    return new Connection({ target, network, keepAliveMs, onDisconnect: (connection) => this.#dropIdle(connection) });
  }

  /** The socket of a busy connection may come and go: undici opens another, or the exchange hears of it. */
  #dropIdle(connection: Connection): void {
    if (this.#idle.includes(connection)) this.#drop(connection);
  }

  #drop(connection: Connection): void {
    if (!this.#busy.delete(connection)) {
      const index = this.#idle.indexOf(connection);
      if (index === -1) return;
      this.#idle.splice(index, 1);
    }
    connection.destroy();
    this.#options.limit.give();
    this.#reportIfEmpty();
  }

  #reportIfEmpty(): void {
    if (this.#closed && this.#busy.size + this.#idle.length + this.#waiting.size === 0) this.#options.onEmpty(this);
  }
}

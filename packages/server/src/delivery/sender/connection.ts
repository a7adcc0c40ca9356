import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Failure } from '@posthorn/protocol';
import { Client } from 'undici';
import type { Dispatcher } from 'undici';
import type { Stage } from './failures.ts';
import { InterimFilter } from './interim-filter.ts';
import { SocketOpening } from './socket-opening.ts';
import type { Network, Target } from './socket-opening.ts';

/** Total size of response header names and values, in bytes. */
const MAX_HEADER_BYTES = 32_768;

export interface ConnectionOptions {
  readonly target: Target;
  readonly network: Network;
  /** How long an idle connection is kept if the server gives no hint. A hint counts up to one minute. */
  readonly keepAliveMs: number;
  readonly onDisconnect: (connection: Connection) => void;
}

/** The exchange that runs on a connection. */
export interface Running {
  /** Ends it immediately. */
  stop(failure: Failure): void;
}

/** A keep-alive connection that carries one exchange at a time. */
export class Connection {
  /** null: the connection is idle. */
  running: Running | null = null;
  /** Requests written to the current socket. */
  served = 0;
  readonly #client: Client;
  readonly #interim = new InterimFilter();
  #socket: Socket | null = null;
  #opening: SocketOpening | null = null;

  constructor(options: ConnectionOptions) {
    const { target, network, keepAliveMs } = options;
    this.#client = new Client(target.origin, {
      pipelining: 1,
      allowH2: false,
      // The exchange has one absolute deadline; these timeouts would restart with every chunk.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: Math.max(60_000, keepAliveMs),
      keepAliveTimeoutThreshold: 1_000,
      connect: (_options, callback) => {
        this.served = 0;
        this.#opening = new SocketOpening(target, network, (error, socket) => {
          if (socket === null) return callback(error ?? new Error('no socket'), null);
          this.#opening = null;
          this.#socket = socket;
          this.#interim.attach(socket);
          callback(null, socket);
        });
      },
    });
    this.#client.on('disconnect', () => options.onDisconnect(this));
    // A handler that threw is reported here; without a listener the process would end. undici's types lack the event.
    const emitter: EventEmitter = this.#client;
    emitter.on('error', () => this.destroy());
  }

  get stage(): Stage {
    return this.#opening === null ? 'open' : this.#opening.stage;
  }

  /** Whether any part of a response to the last request has arrived. */
  get answered(): boolean {
    return this.#interim.answered;
  }

  /** Whether bytes of a request are still unwritten. */
  get isWriting(): boolean {
    return this.#socket !== null && this.#socket.writableLength > 0;
  }

  /** A request is about to be written. Returns whether the socket carried an earlier one. */
  beginRequest(): boolean {
    this.#interim.expectResponse();
    return this.served++ > 0;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(options, handler);
  }

  /** Closes the socket immediately, ending what runs on it. */
  destroy(): void {
    this.#client.destroy(ignore);
    this.#opening?.cancel(new Error('cancelled'));
  }
}

function ignore(): void {}

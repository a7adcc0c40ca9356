import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Failure } from '@posthorn/protocol';
import { Client } from 'undici';
import type { Dispatcher } from 'undici';
import type { Stage } from './failures.ts';
import { InterimFilter } from './interim-filter.ts';
import { SocketOpening } from './socket-opening.ts';
import type { Network, Target } from './socket-opening.ts';

/** Response header names and values together, in bytes. */
const MAX_HEADER_BYTES = 32_768;

export interface ConnectionOptions {
  readonly target: Target;
  readonly network: Network;
  /** How long an idle connection is kept where the server gives no hint; its hint counts up to a minute. */
  readonly keepAliveMs: number;
  readonly onDisconnect: (connection: Connection) => void;
}

/** What runs on a connection. */
export interface Running {
  /** Ends it now. */
  stop(failure: Failure): void;
}

/** One keep-alive connection that carries one exchange at a time. */
export class Connection {
  /** null: it is idle. */
  running: Running | null = null;
  /** Requests written to the present socket. */
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
      // The exchange has one absolute deadline of its own; these would start anew with every chunk.
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
    // A handler that threw is reported here; without a listener it would end the process. undici's types leave the event out.
    const emitter: EventEmitter = this.#client;
    emitter.on('error', () => this.destroy());
  }

  get stage(): Stage {
    return this.#opening === null ? 'open' : this.#opening.stage;
  }

  /** Whether anything of a response to the request written last has come. */
  get answered(): boolean {
    return this.#interim.answered;
  }

  /** Whether bytes of a request still wait to be written. */
  get isWriting(): boolean {
    return this.#socket !== null && this.#socket.writableLength > 0;
  }

  /** A request is written now; returns whether others were before it. */
  beginRequest(): boolean {
    this.#interim.expectResponse();
    return this.served++ > 0;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(options, handler);
  }

  /** Closes the socket at once, with what runs on it. */
  destroy(): void {
    this.#client.destroy(ignore);
    this.#opening?.cancel(new Error('cancelled'));
  }
}

function ignore(): void {}

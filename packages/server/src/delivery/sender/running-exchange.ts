import type { Failure } from '@posthorn/protocol';
import type { Dispatcher } from 'undici';
import type { Chained } from '../chained-list.ts';
import type { Connection } from './connection.ts';
import type { Exchange, OutgoingRequest } from './exchange.ts';
import { connectionLost, failureAtDeadline, failureOf, NamedFailure, requestInvalid } from './failures.ts';
import type { WebhookShare } from './origin-shares.ts';
import { ResponseReader } from './response-reader.ts';

/**
 * How soon after writing a reused connection has to break for the cause to be that the endpoint had closed it while idle:
 * its FIN crosses our request, which takes a round trip. Later the endpoint may well have worked on the request.
 */
const STALE_WITHIN_MS = 1_000;

/** Where an exchange has its connections from, and gives them back. */
export interface Connections {
  /** The exchange is complete, its connection free. */
  release(exchange: RunningExchange, connection: Connection): void;
  /** The exchange broke off, its connection is of no more use. */
  discard(exchange: RunningExchange, connection: Connection): void;
  /** The connection broke; the exchange needs a new one. */
  repeat(exchange: RunningExchange, broken: Connection): void;
  /** The exchange no longer waits for a connection. */
  forget(exchange: RunningExchange): void;
}

export interface RunningExchangeOptions {
  readonly request: OutgoingRequest;
  readonly path: string;
  readonly pool: Connections;
  readonly share: WebhookShare<RunningExchange>;
  /** null: nothing was sent. */
  readonly settle: (exchange: Exchange | null) => void;
}

/** The longest delay that a timer takes. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** One request: waits for a connection, is sent, handles its response, and keeps its deadline. */
export class RunningExchange implements Dispatcher.DispatchHandler, Chained<RunningExchange> {
  next: RunningExchange | null = null;
  previous: RunningExchange | null = null;
  readonly #request: OutgoingRequest;
  readonly #path: string;
  readonly #pool: Connections;
  readonly share: WebhookShare<RunningExchange>;
  /** Its deadline while it has a connection; the end of its patience while it waits for one. */
  #timer: NodeJS.Timeout | null = null;
  #startedAt = 0;
  /** Time with connections that broke. */
  #spentMs = 0;
  #settle: ((exchange: Exchange | null) => void) | null;
  #connection: Connection | null = null;
  #reader: ResponseReader | null = null;
  /** When the request was written to the present connection; null: not yet. */
  #writtenAt: number | null = null;
  #reused = false;
  #repeated = false;

  constructor(options: RunningExchangeOptions) {
    this.#request = options.request;
    this.#path = options.path;
    this.#pool = options.pool;
    this.share = options.share;
    this.#settle = options.settle;
  }

  /** Waits for a connection, which takes nothing from its deadline; after so long it ends with nothing sent. */
  wait(maxWaitMs: number): void {
    this.#timer = setTimeout(giveUp, maxWaitMs, this);
  }

  /** Nothing was sent. */
  giveUp(): void {
    if (this.#settle === null) return;
    this.#pool.forget(this);
    this.#end(null);
  }

  /** Sends the request on a free connection. */
  start(connection: Connection): void {
    this.#connection = connection;
    const { method, body, headers, timeoutMs } = this.#request;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#startedAt = performance.now();
    this.#writtenAt = null;
    this.#timer = setTimeout(expire, Math.min(timeoutMs - this.#spentMs, MAX_TIMEOUT_MS), this);
    const flat: string[] = [];
    for (const [name, value] of headers) flat.push(name, value);
    connection.dispatch({ path: this.#path, method, headers: flat, body }, this);
  }

  /** The time is up. */
  expire(): void {
    if (this.#connection === null) return;
    this.stop(failureAtDeadline(this.#connection.stage, this.#request.timeoutMs));
  }

  /** Ends the exchange now; its connection is closed. */
  stop(failure: Failure): void {
    if (this.#settle === null) return;
    this.#finish(failure, true);
    if (this.#connection === null) this.#pool.forget(this);
    else this.#pool.discard(this, this.#connection);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settle === null || this.#connection === null) return controller.abort(new Error('settled'));
    this.#reused = this.#connection.beginRequest();
    this.#writtenAt = performance.now();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.#settle === null) return;
    this.#reader = new ResponseReader(status, controller.rawHeaders);
    if (this.#reader.announcesForbiddenBody()) this.#finishEarly(false);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settle === null || this.#reader === null) return;
    if (!this.#reader.add(chunk)) this.#finishEarly(true);
  }

  onResponseEnd(): void {
    const connection = this.#connection;
    if (this.#settle === null || connection === null) return;
    // An endpoint that answered before it had the whole request may never read the rest.
    if (connection.isWriting) return this.#finishEarly(false);
    this.#finish(null, false);
    this.#pool.release(this, connection);
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const connection = this.#connection;
    if (this.#settle === null || connection === null) return;
    if (this.#wasStale(error, connection)) {
      if (this.#writtenAt !== null) this.#repeated = true;
      this.#connection = null;
      this.#spentMs += performance.now() - this.#startedAt;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#pool.repeat(this, connection);
      return;
    }
    const failure = failureOf(error, { stage: connection.stage, begun: this.#reader !== null });
    this.#finish(failure.code === 'reset' && this.#isRefused() ? null : failure, true);
    this.#pool.discard(this, connection);
  }

  /**
   * A keep-alive connection that the endpoint closed just as it was taken into use. A request that was not written is sent
   * again; one that was, once more: a delivery repeats anyway until it is answered, with the same `webhook-id` each time
   * (Go's net/http draws the same line with `Idempotency-Key`).
   */
  #wasStale(error: Error, connection: Connection): boolean {
    if (this.#writtenAt === null) {
      return connection.served > 0 && connection.stage === 'open' && !requestInvalid(error) && !(error instanceof NamedFailure);
    }
    const isSoon = performance.now() - this.#writtenAt < STALE_WITHIN_MS;
    return this.#reused && !connection.answered && !this.#repeated && connectionLost(error) && isSoon;
  }

  /** An endpoint that refuses a request, for example one too large, may close before it has read it all. Its status counts. */
  #isRefused(): boolean {
    return this.#reader !== null && this.#reader.status >= 400;
  }

  /** The response is known well enough; its connection is of no more use. */
  #finishEarly(truncated: boolean): void {
    if (this.#connection === null) return;
    this.#finish(null, truncated);
    this.#pool.discard(this, this.#connection);
  }

  #finish(failure: Failure | null, truncated: boolean): void {
    if (this.#settle === null) return;
    const spentMs = this.#spentMs + (this.#connection === null ? 0 : performance.now() - this.#startedAt);
    this.#end({
      durationMs: Math.round(spentMs),
      response: this.#reader === null ? null : this.#reader.response(truncated),
      failure,
    });
  }

  #end(exchange: Exchange | null): void {
    const settle = this.#settle;
    this.#settle = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    settle?.(exchange);
  }
}

function expire(exchange: RunningExchange): void {
  exchange.expire();
}

function giveUp(exchange: RunningExchange): void {
  exchange.giveUp();
}

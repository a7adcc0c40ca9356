import type { Failure } from '@posthorn/protocol';
import type { Dispatcher } from 'undici';
import type { Chained } from '../chained-list.ts';
import type { Connection } from './connection.ts';
import type { Exchange, OutgoingRequest } from './exchange.ts';
import { connectionLost, failureAtDeadline, failureOf, NamedFailure, requestInvalid } from './failures.ts';
import type { WebhookShare } from './origin-shares.ts';
import { ResponseReader } from './response-reader.ts';

/**
 * How soon after a write a reused connection must break to count as closed by the endpoint while idle: its FIN crosses
 * the request, within a round trip. Later, the endpoint may have processed the request.
 */
const STALE_WITHIN_MS = 1_000;

/** Provides connections to exchanges and takes them back. */
export interface Connections {
  /** The exchange is complete, and its connection is free. */
  release(exchange: RunningExchange, connection: Connection): void;
  /** The exchange was cut off, and its connection is unusable. */
  discard(exchange: RunningExchange, connection: Connection): void;
  /** The connection broke, and the exchange needs a new one. */
  repeat(exchange: RunningExchange, broken: Connection): void;
  /** The exchange no longer waits for a connection. */
  forget(exchange: RunningExchange): void;
}

export interface RunningExchangeOptions {
  readonly request: OutgoingRequest;
  readonly path: string;
  readonly pool: Connections;
  readonly share: WebhookShare<RunningExchange>;
  /** Called with the result; null: nothing was sent. */
  readonly settle: (exchange: Exchange | null) => void;
}

/** The maximum delay of a timer. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** One request: waits for a connection, sends it, handles the response and enforces the deadline. */
export class RunningExchange implements Dispatcher.DispatchHandler, Chained<RunningExchange> {
  next: RunningExchange | null = null;
  previous: RunningExchange | null = null;
  readonly #request: OutgoingRequest;
  readonly #path: string;
  readonly #pool: Connections;
  readonly share: WebhookShare<RunningExchange>;
  /** The deadline while it has a connection; the maximum wait while it waits for one. */
  #timer: NodeJS.Timeout | null = null;
  #startedAt = 0;
  /** Time spent on connections that broke. */
  #spentMs = 0;
  #settle: ((exchange: Exchange | null) => void) | null;
  #connection: Connection | null = null;
  #reader: ResponseReader | null = null;
  /** When the request was written to the current connection; null: not yet. */
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

  /** Waits for a connection, which doesn't count towards the deadline. After `maxWaitMs` it ends unsent. */
  wait(maxWaitMs: number): void {
    this.#timer = setTimeout(giveUp, maxWaitMs, this);
  }

  /** Ends without sending. */
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

  /** The deadline has passed. */
  expire(): void {
    if (this.#connection === null) return;
    this.stop(failureAtDeadline(this.#connection.stage, this.#request.timeoutMs));
  }

  /** Ends the exchange now and closes its connection. */
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
    // An endpoint that responds before it has the whole request may never read the rest.
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
   * Whether the endpoint closed an idle keep-alive connection just as it was reused. An unwritten request is sent
   * again; a written one once more, which is safe since retries have the same `webhook-id` (as net/http of Go does for
   * `Idempotency-Key`).
   */
  #wasStale(error: Error, connection: Connection): boolean {
    if (this.#writtenAt === null) {
      return connection.served > 0 && connection.stage === 'open' && !requestInvalid(error) && !(error instanceof NamedFailure);
    }
    const isSoon = performance.now() - this.#writtenAt < STALE_WITHIN_MS;
    return this.#reused && !connection.answered && !this.#repeated && connectionLost(error) && isSoon;
  }

  /**
   * An endpoint that refuses a request, for example a large one, may close before reading all of it. Its status counts.
   */
  #isRefused(): boolean {
    return this.#reader !== null && this.#reader.status >= 400;
  }

  /** The response is known well enough, and its connection is unusable. */
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

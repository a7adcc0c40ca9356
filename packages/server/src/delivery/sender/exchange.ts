import type { EventLoopUtilization } from 'node:perf_hooks';
import type { Failure, HeaderList } from '@posthorn/protocol';

/** One complete request, as it is sent. `Host`, `Connection` and `Content-Length` are added. */
export interface OutgoingRequest {
  /** Absolute, http or https. */
  readonly url: string;
  readonly method: 'POST' | 'GET';
  readonly headers: HeaderList;
  readonly body: Uint8Array | null;
  /** For DNS, connect, TLS, headers and body together. Waiting for a free connection doesn't count. */
  readonly timeoutMs: number;
  /** An origin's connections are shared among organizations, and within one among its webhooks. */
  readonly organizationKey: number;
  readonly webhookId: string;
}

/** The received part of a response. */
export interface ReceivedResponse {
  readonly status: number;
  /** At most 100 lines. */
  readonly headers: HeaderList;
  /** At most 64 KiB, as received: not decompressed. */
  readonly body: Buffer;
  /** Whether the body was longer, or was cut off. */
  readonly truncated: boolean;
}

/**
 * The result of a request. `failure` describes the transport only: any complete response has none, whatever its status.
 * Both are set if a response had begun before the exchange failed.
 */
export interface Exchange {
  /** Measured from when the exchange got its connection or began to open one. */
  readonly durationMs: number;
  readonly response: ReceivedResponse | null;
  readonly failure: Failure | null;
}

/** Sends requests and reads their responses, within limits and deadlines. */
export interface Sender {
  /**
   * Never rejects: errors are in the exchange. null: nothing was sent, because the webhook's share of connections to
   * the origin was in use for 5 s. The caller may send the request again.
   */
  send(request: OutgoingRequest): Promise<Exchange | null>;
  /**
   * Waits up to this many milliseconds for exchanges under way, then ends the rest as `timeout`. Later requests end the
   * same way immediately.
   */
  close(deadlineMs: number): Promise<void>;
  /** Of the sending thread, since it started. */
  eventLoopUtilization(): EventLoopUtilization;
}

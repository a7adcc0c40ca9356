import type { EventLoopUtilization } from 'node:perf_hooks';
import type { Failure, HeaderList } from '@posthorn/protocol';

/** One request, complete as it goes on the wire; `Host`, `Connection` and `Content-Length` are added. */
export interface OutgoingRequest {
  /** Absolute, http or https. */
  readonly url: string;
  readonly method: 'POST' | 'GET';
  readonly headers: HeaderList;
  readonly body: Uint8Array | null;
  /** Over DNS, connect, TLS, headers and body together; waiting for a free connection does not count. */
  readonly timeoutMs: number;
  /** The connections to an origin are shared by organizations, and within one by its webhooks. */
  readonly organizationKey: number;
  readonly webhookId: string;
}

/** What was received of a response. */
export interface ReceivedResponse {
  readonly status: number;
  /** At most 100 lines. */
  readonly headers: HeaderList;
  /** At most 64 KiB, as received: not decompressed. */
  readonly body: Buffer;
  /** The body had more, or broke off. */
  readonly truncated: boolean;
}

/**
 * How a request ended. `failure` is about transport only: any complete response, whatever its status, has none.
 * Both are there when a response had begun before the exchange failed.
 */
export interface Exchange {
  /** Since the exchange had its connection or began to open one. */
  readonly durationMs: number;
  readonly response: ReceivedResponse | null;
  readonly failure: Failure | null;
}

/** Sends requests and reads their responses, within caps and deadlines. */
export interface Sender {
  /**
   * Never rejects: whatever happens is in the exchange. null: nothing was sent, because the webhook's share of the
   * connections to the origin was in use for 5 s. The caller may send the request again.
   */
  send(request: OutgoingRequest): Promise<Exchange | null>;
  /** Waits up to so many milliseconds for what is under way, then cuts off the rest, whose exchanges end as `timeout`. Later requests end so at once. */
  close(deadlineMs: number): Promise<void>;
  /** Of the thread that sends, since its start. */
  eventLoopUtilization(): EventLoopUtilization;
}

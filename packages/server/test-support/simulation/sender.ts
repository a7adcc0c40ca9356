import type { Exchange, OutgoingRequest, Sender } from '../../src/delivery/sender/exchange.ts';
import type { SeededRandom } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** How an endpoint behaves. */
export interface EndpointState {
  readonly kind: 'well' | 'failing' | 'overloaded' | 'silent';
  /** The maximum time until its response. */
  readonly maxMs: number;
}

/** Observes what is sent. */
export interface SenderWatcher {
  /** A process starts an exchange. Returns a callback for its end. */
  readonly onSend: (sent: { process: SimulatedProcess; webhookId: string; eventId: string }) => (isSuccess: boolean) => void;
}

export interface SimulatedSenderOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly process: SimulatedProcess;
  readonly endpoint: (webhookId: string) => EndpointState;
  readonly watcher: SenderWatcher;
}

/** Sends nothing: the endpoints are simulated too. The body is the event's id. */
export function simulatedSender({ time, random, process, endpoint, watcher }: SimulatedSenderOptions): Sender {
  return {
    send(request: OutgoingRequest): Promise<Exchange> {
      const webhookId = request.url.slice(request.url.lastIndexOf('/') + 1);
      const ended = watcher.onSend({ process, webhookId, eventId: Buffer.from(request.body ?? []).toString() });
      const state = endpoint(webhookId);
      const durationMs = state.kind === 'silent' ? 5_000 : random.between(1, random.chance(0.9) ? 30 : state.maxMs);
      const exchange = exchangeOf(state, Math.round(durationMs));
      // The endpoint handles the request even if the process dies before the response.
      const isSuccess = state.kind === 'well';
      time.after(durationMs, null, () => ended(isSuccess));
      return new Promise((resolve) => time.after(durationMs + 0.1, process, () => resolve(exchange)));
    },
    close: () => Promise.resolve(),
    eventLoopUtilization: () => ({ idle: 1, active: 0, utilization: 0 }),
  };
}

function exchangeOf({ kind }: EndpointState, durationMs: number): Exchange {
  const response = (status: number): Exchange => ({
    durationMs,
    response: { status, headers: [], body: Buffer.alloc(0), truncated: false },
    failure: null,
  });
  switch (kind) {
    case 'well':
      return response(200);
    case 'failing':
      return response(500);
    case 'overloaded':
      return response(503);
    case 'silent':
      return { durationMs, response: null, failure: { code: 'timeout', message: 'The endpoint did not answer in time.' } };
  }
}

import type { EventLoopUtilization } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { formatTargets, type AllowedTargets } from '../../../network/target-address.ts';
import type { Exchange, OutgoingRequest, Sender } from '../exchange.ts';
import { CLOSED } from '../failures.ts';
import { readExchange, writeRequest, type Slot } from './encoding.ts';
import type { FromThread, ThreadOptions, ToThread } from './messages.ts';
import { Outbox } from './outbox.ts';
import { PacketReader, type Packet } from './packet.ts';

export interface SenderThreadOptions {
  /** Networks that may be reached although they are not public. */
  readonly allowedTargets: AllowedTargets;
  readonly connectionsPerOrigin: number;
}

/**
 * A sender in its own thread, so that sockets, TLS and timeouts don't use the time of the thread that accepts events.
 */
export class SenderThread implements Sender {
  readonly #thread: Worker;
  readonly #requests = new Outbox({
    post: (packet) => this.#post({ kind: 'requests', packet }, [packet.bytes]),
    underWay: () => this.#settle.length - this.#free.length,
  });
  /** By slot; null: free. Not a Map: see `ChainedList`. */
  readonly #settle: (((exchange: Exchange | null) => void) | null)[] = [];
  readonly #free: Slot[] = [];
  #closing: Promise<void> | null = null;
  readonly #closed = Promise.withResolvers<void>();

  constructor({ allowedTargets, connectionsPerOrigin }: SenderThreadOptions) {
    const workerData: ThreadOptions = {
      allowedTargets: formatTargets(allowedTargets),
      connectionsPerOrigin,
    };
    this.#thread = new Worker(new URL('./thread.ts', import.meta.url), { workerData, name: 'sender' });
    this.#thread.on('message', (message: FromThread) => this.#receive(message));
    // Handled like an uncaught error in this thread: the process ends, and the next one takes over its work.
    this.#thread.on('error', (error) => {
      throw error;
    });
  }

  send(request: OutgoingRequest): Promise<Exchange | null> {
    if (this.#closing !== null) return Promise.resolve({ durationMs: 0, response: null, failure: CLOSED });
    return new Promise((resolve) => {
      const slot = this.#free.pop() ?? this.#settle.length;
      this.#settle[slot] = resolve;
      writeRequest(this.#requests.open(), slot, request);
    });
  }

  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  eventLoopUtilization(): EventLoopUtilization {
    return this.#thread.performance.eventLoopUtilization();
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#requests.flush();
    this.#post({ kind: 'close', deadlineMs });
    await this.#closed.promise;
    await this.#thread.terminate();
  }

  #post(message: ToThread, transferred: readonly ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transferred);
  }

  #receive(message: FromThread): void {
    if (message.kind === 'closed') this.#closed.resolve();
    else this.#end(message.packet);
  }

  #end(packet: Packet): void {
    const ended = new PacketReader(packet);
    while (!ended.isAtEnd) {
      const { slot, exchange } = readExchange(ended);
      const settle = this.#settle[slot];
      this.#settle[slot] = null;
      this.#free.push(slot);
      settle?.(exchange);
    }
  }
}

import type { SeededRandom } from '../random.ts';
import type { VirtualTime } from '../virtual-time.ts';
import type { SimulatedProcess } from '../simulated-process.ts';
import { connectionRefused } from './errors.ts';
import type { DatabaseLink } from './link.ts';

interface Listener {
  readonly process: SimulatedProcess;
  readonly link: DatabaseLink;
  readonly onNotify: (payload: string) => void;
  readonly onReset: () => void;
}

interface Connection extends Listener {
  isConnected: boolean;
  /** Notifications arrive in order: none before this time. */
  arrivesAt: number;
}

const RECONNECT_MS = 500;

/** Connections that listen for notifications, and reconnect when they are lost. */
export class Listeners {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #connections = new Set<Connection>();

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#random = random;
  }

  add(listener: Listener): Promise<() => Promise<void>> {
    const connection: Connection = { ...listener, isConnected: false, arrivesAt: 0 };
    if (!listener.link.isOpen) return Promise.reject(connectionRefused());
    connection.isConnected = true;
    this.#connections.add(connection);
    const endBreaks = listener.link.onBreak(() => this.#lose(connection));
    return Promise.resolve(() => {
      endBreaks();
      this.#connections.delete(connection);
      return Promise.resolve();
    });
  }

  /** Notifies all connected listeners. */
  notify(payload: string): void {
    for (const connection of this.#connections) {
      if (!connection.isConnected) continue;
      const { process } = connection;
      connection.arrivesAt = Math.max(connection.arrivesAt, this.#time.now + this.#random.between(0.1, 2));
      this.#time.after(connection.arrivesAt - this.#time.now, process, () => {
        if (connection.isConnected) connection.onNotify(payload);
      });
    }
  }

  #lose(connection: Connection): void {
    if (!connection.isConnected) return;
    connection.isConnected = false;
    const { process } = connection;
    this.#time.after(0, process, () => connection.onReset());
    this.#connectLater(connection);
  }

  #connectLater(connection: Connection): void {
    this.#time.after(RECONNECT_MS, connection.process, () => {
      if (!this.#connections.has(connection)) return;
      if (!connection.link.isOpen) return this.#connectLater(connection);
      connection.isConnected = true;
      connection.onReset();
    });
  }
}

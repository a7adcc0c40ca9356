import { Socket } from 'node:net';
import pg from 'pg';

/**
 * A connection that is closed when its server sends nothing for too long while a response is pending. Timers per
 * statement (`query_timeout`) took a twentieth of the server's time: each kept a statement with its parameters until a
 * full collection.
 */
export class WatchedClient extends pg.Client {
  readonly #socket: Socket;
  #read = 0;
  #heardAt = 0;

  constructor(config?: pg.ClientConfig) {
    const socket = new Socket();
    super({ ...config, stream: () => socket });
    this.#socket = socket;
  }

  /** A response is pending from now on. */
  expectAnswer(): void {
    this.#heardAt = performance.now();
  }

  /** Must be called a few times within the limit while a response is pending. */
  check(limitMs: number): void {
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#read) {
      this.#read = bytesRead;
      this.expectAnswer();
    } else if (performance.now() - this.#heardAt > limitMs) this.cut();
  }

  /** Closes the connection without notifying the server. Pending statements fail. */
  cut(): void {
    this.#socket.destroy(new Error('The database server stopped responding.'));
  }
}

import { Socket } from 'node:net';
import pg from 'pg';

/**
 * A connection that is given up when its server has said nothing for too long while something is waited for. A timer for
 * each statement (`query_timeout`) would do the same, and took a twentieth of the server's time: it kept each statement with
 * its parameters until the next full collection.
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

  /** From now on something is waited for. */
  expectAnswer(): void {
    this.#heardAt = performance.now();
  }

  /** To be called a few times within the limit, while something is waited for. */
  check(limitMs: number): void {
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#read) {
      this.#read = bytesRead;
      this.expectAnswer();
    } else if (performance.now() - this.#heardAt > limitMs) this.cut();
  }

  /** What is waited for fails; the server gets no notice. */
  cut(): void {
    this.#socket.destroy(new Error('The database server says nothing any more.'));
  }
}

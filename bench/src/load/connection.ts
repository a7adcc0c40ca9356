import { connect, type Socket } from 'node:net';
import { frameAt, statusAt } from '../wire/framing.ts';

export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

export interface ConnectionOptions {
  readonly port: number;
  /** Connected, or the last request answered: another may be sent. */
  readonly onReady: (connection: Connection) => void;
  /** Called before `onReady`; null: the connection broke first. */
  readonly onAnswer: (connection: Connection, answer: Answer | null) => void;
}

const RECONNECT_MS = 50;

/** A keep-alive connection with one request in flight at most, which connects again whenever it breaks. */
export class Connection {
  readonly #options: ConnectionOptions;
  #socket: Socket | null = null;
  #rest: Buffer | null = null;
  #busy = false;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#connect();
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Connected, and nothing in flight. */
  get writable(): boolean {
    return !this.#busy && this.#socket?.readyState === 'open';
  }

  /** The bytes must stay as they are until the answer. */
  send(bytes: Buffer): void {
    this.#busy = true;
    this.#socket?.write(bytes);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true });
    this.#socket = socket;
    this.#rest = null;
    socket.on('connect', () => this.#options.onReady(this));
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#lost());
  }

  #lost(): void {
    if (this.#busy) {
      this.#busy = false;
      this.#options.onAnswer(this, null);
    }
    if (!this.#closed) this.#timer = setTimeout(() => this.#connect(), RECONNECT_MS);
  }

  #take(chunk: Buffer): void {
    const data = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    const frame = frameAt(data, 0);
    if (frame === null) {
      this.#rest = data;
      return;
    }
    this.#rest = null;
    this.#busy = false;
    const status = statusAt(data, 0);
    // The head is only looked at where something was refused.
    const head = status < 300 ? '' : data.toString('latin1', 0, frame.bodyStart);
    this.#options.onAnswer(this, { status, head, body: data.subarray(frame.bodyStart, frame.end) });
    if (!this.#closed) this.#options.onReady(this);
  }
}

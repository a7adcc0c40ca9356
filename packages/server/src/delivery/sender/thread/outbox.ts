import { PacketWriter, type Packet } from './packet.ts';

/** What is written in one turn of the event loop goes to the other thread as one packet, at the turn's end. */
export class Outbox {
  readonly #writer = new PacketWriter();
  readonly #post: (packet: Packet) => void;
  #scheduled = false;

  constructor(post: (packet: Packet) => void) {
    this.#post = post;
  }

  /** To write to, now. */
  open(): PacketWriter {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
    return this.#writer;
  }

  /** Sends what has been written, without waiting for the turn's end. */
  flush(): void {
    if (!this.#writer.isEmpty) this.#post(this.#writer.take());
  }
}

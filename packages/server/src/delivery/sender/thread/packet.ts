/**
 * A message between threads: many requests or exchanges as two flat lists, with their bodies in one transferred buffer.
 * Objects would cost three to four times as much on either side.
 */
export interface Packet {
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
  readonly bytes: ArrayBuffer;
}

/** Collects a packet. Values are read in the order in which they were written. */
export class PacketWriter {
  #texts: string[] = [];
  #numbers: number[] = [];
  #parts: Uint8Array[] = [];
  #size = 0;

  get isEmpty(): boolean {
    return this.#numbers.length === 0;
  }

  text(text: string): void {
    this.#texts.push(text);
  }

  number(number: number): void {
    this.#numbers.push(number);
  }

  bytes(bytes: Uint8Array): void {
    this.#numbers.push(bytes.byteLength);
    this.#parts.push(bytes);
    this.#size += bytes.byteLength;
  }

  /** Returns what was written since the last call. */
  take(): Packet {
    // Not Buffer.concat: its result may be part of a shared buffer, which cannot be transferred.
    const bytes = new Uint8Array(this.#size);
    let offset = 0;
    for (const part of this.#parts) {
      bytes.set(part, offset);
      offset += part.byteLength;
    }
    const packet = { texts: this.#texts, numbers: this.#numbers, bytes: bytes.buffer };
    this.#texts = [];
    this.#numbers = [];
    this.#parts = [];
    this.#size = 0;
    return packet;
  }
}

/** Reads a packet in the order in which it was written. Throws at its end. */
export class PacketReader {
  readonly #packet: Packet;
  #text = 0;
  #number = 0;
  #offset = 0;

  constructor(packet: Packet) {
    this.#packet = packet;
  }

  get isAtEnd(): boolean {
    return this.#number === this.#packet.numbers.length;
  }

  text(): string {
    return present(this.#packet.texts[this.#text++]);
  }

  number(): number {
    return present(this.#packet.numbers[this.#number++]);
  }

  bytes(): Buffer {
    const length = this.number();
    const bytes = Buffer.from(this.#packet.bytes, this.#offset, length);
    this.#offset += length;
    return bytes;
  }
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('A packet between threads ended early.');
  return value;
}

/** A random number generator with a seed (mulberry32). */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
    // Similar seeds would start with similar numbers.
    for (let i = 0; i < 8; i++) this.next();
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(min: number, max: number): number {
    return min + (max - min) * this.next();
  }

  /** Both ends are included. */
  integer(min: number, max: number): number {
    return min + Math.floor((max - min + 1) * this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Throws if the list is empty. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.integer(0, items.length - 1)];
    if (item === undefined) throw new Error('There is nothing to pick from.');
    return item;
  }

  /** Creates another generator, determined by this one. */
  fork(): SeededRandom {
    return new SeededRandom(this.integer(0, 0xffff_ffff));
  }

  /** A UUIDv7 of a millisecond. Within a millisecond ids sort by `sequence`, which has 24 bits. */
  uuid(timeMs: number, sequence = this.integer(0, 0xff_ffff)): string {
    const time = Math.floor(timeMs).toString(16).padStart(12, '0');
    const place = sequence.toString(16).padStart(6, '0');
    const rest = Array.from({ length: 12 }, () => this.integer(0, 15).toString(16)).join('');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${place.slice(0, 3)}-a${place.slice(3)}-${rest}`;
  }
}

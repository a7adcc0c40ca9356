import type { SeededRandom } from './random.ts';

/** Creates ids as a process does: by its clock, and increasing even if the clock goes back. */
export class EventIds {
  readonly #random: SeededRandom;
  #lastMs = 0;
  #sequence = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  next(now: number): string {
    if (now > this.#lastMs) {
      this.#lastMs = now;
      this.#sequence = this.#random.integer(0, 0x7f_ffff);
    } else {
      this.#sequence++;
    }
    return this.#random.uuid(this.#lastMs, this.#sequence);
  }
}

/** Figures of a distribution, in the unit of its samples. */
export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Keeps every sample, so that percentiles are exact; 4 bytes each. */
export class Samples {
  #values = new Uint32Array(65_536);
  #count = 0;

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Uint32Array(this.#count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = value;
  }

  clear(): void {
    this.#count = 0;
  }

  distribution(): Distribution {
    const sorted = this.#values.slice(0, this.#count).sort();
    return { count: sorted.length, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: sorted.at(-1) ?? 0 };
  }
}

/** The smallest value that at least the given part of the sorted values does not exceed (nearest rank); 0 where there are none. */
export function percentile(sorted: ArrayLike<number>, part: number): number {
  const rank = Math.max(1, Math.ceil(part * sorted.length));
  return sorted[rank - 1] ?? 0;
}

import type { Change } from './rows.ts';

interface Entry {
  readonly xid: number;
  /** What a commit made visible; null: the transaction has written something, and has not ended. */
  readonly committed: readonly Change[] | null;
}

/** PostgreSQL's log: a crash loses entries that are not flushed, from the end. */
export class WriteAheadLog {
  readonly #entries: Entry[] = [];
  /** Number of entries on disk. */
  #flushed = 0;

  /** Position of the next entry. */
  get end(): number {
    return this.#entries.length;
  }

  get flushed(): number {
    return this.#flushed;
  }

  append(entry: Entry): void {
    this.#entries.push(entry);
  }

  flush(end: number): void {
    this.#flushed = Math.max(this.#flushed, Math.min(end, this.end));
  }

  /** Drops the entries after the position, and returns the others. */
  cut(end: number): readonly Entry[] {
    this.#entries.length = end;
    this.#flushed = end;
    return this.#entries;
  }
}

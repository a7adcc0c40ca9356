import type { Change } from './rows.ts';

interface Entry {
  readonly xid: number;
  /** What a commit made visible; null: the transaction has written something, and has not ended. */
  readonly committed: readonly Change[] | null;
}

/** PostgreSQL's log: what is not flushed is lost in a crash, the end of it first. */
export class WriteAheadLog {
  readonly #entries: Entry[] = [];
  /** Entries on disk. */
  #flushed = 0;

  /** Where the next entry will be. */
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

  /** Cuts off what comes after, and returns what is left. */
  cut(end: number): readonly Entry[] {
    this.#entries.length = end;
    this.#flushed = end;
    return this.#entries;
  }
}

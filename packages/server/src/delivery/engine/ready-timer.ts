/** Longest wait, in case the clock jumps. */
const MAX_WAIT_MS = 1_000;

/** Calls `wake` when the next job becomes ready. */
export class ReadyTimer {
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** Does nothing while a timer runs (`wake` arms it again), or without a time. */
  arm(at: number | null, now: number): void {
    if (at === null) return;
    this.#timer ??= setTimeout(
      () => {
        this.#timer = null;
        this.#wake();
      },
      Math.min(MAX_WAIT_MS, Math.max(1, at - now)),
    );
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

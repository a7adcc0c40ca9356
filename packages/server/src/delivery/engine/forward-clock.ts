/** A clock that never goes back, based on one that may. */
export interface ForwardClock {
  /** Milliseconds; only differences are meaningful. */
  readonly now: () => number;
  /** How often the underlying clock went back by more than a second. */
  readonly jumps: () => number;
}

/** Smaller steps are normal clock adjustments. */
const JUMP_MS = 1_000;

export function createForwardClock(now: () => number): ForwardClock {
  let ahead = 0;
  let last = Number.NEGATIVE_INFINITY;
  let jumps = 0;
  return {
    now() {
      const current = now() + ahead;
      if (current >= last) return (last = current);
      if (last - current > JUMP_MS) jumps++;
      ahead += last - current;
      return last;
    },
    jumps: () => jumps,
  };
}

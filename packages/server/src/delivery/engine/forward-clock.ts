/** A clock that never goes back, made from one that may. */
export interface ForwardClock {
  /** In milliseconds; only differences mean something. */
  readonly now: () => number;
  /** How often the other clock has gone back by more than a second. */
  readonly jumps: () => number;
}

/** Clocks are adjusted by a few milliseconds all the time. */
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

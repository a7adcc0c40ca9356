import type { LogOwner } from './log-owner.ts';

/** How long taking in may wait for delivery to catch up. */
const MAX_HOLD_MS = 250;

/** Answers a function that says whether the next batch should wait: while delivery is behind, but never for long. */
export function holdWhileCongested(owner: LogOwner): () => boolean {
  let heldSince: number | null = null;
  return () => {
    if (!owner.congested()) {
      heldSince = null;
      return false;
    }
    heldSince ??= performance.now();
    if (performance.now() - heldSince < MAX_HOLD_MS) return true;
    heldSince = null;
    return false;
  };
}

import type { LogOwner } from './log-owner.ts';

/** Maximum time that accepting waits for delivery to catch up. */
const MAX_HOLD_MS = 250;

/** Returns a function that says whether the next batch should wait: while delivery is behind, up to MAX_HOLD_MS. */
export function holdWhileCongested(owner: LogOwner): () => boolean {
  const held = new Holds();
  return () => held.isHeld(0, owner.congested());
}

/** Like `holdWhileCongested`, for one organization: its batches wait while the delivery of its events is behind. */
export function holdWhileBehind(owner: LogOwner): (organizationKey: number) => boolean {
  const held = new Holds();
  return (organizationKey) => held.isHeld(organizationKey, owner.isBehind(organizationKey));
}

/** Remembers since when each name has been held. */
class Holds {
  readonly #since = new Map<number, number>();

  isHeld(name: number, wants: boolean): boolean {
    if (!wants) {
      if (this.#since.size > 0) this.#since.delete(name);
      return false;
    }
    const now = performance.now();
    const since = this.#since.get(name) ?? now;
    if (now - since < MAX_HOLD_MS) this.#since.set(name, since);
    else this.#since.delete(name);
    return this.#since.has(name);
  }
}

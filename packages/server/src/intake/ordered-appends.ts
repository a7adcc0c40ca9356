import type { NewEvent } from '../store/event-log.ts';

/**
 * Serializes the appends of ordered events per organization. Two batches are written concurrently, and the later one
 * may commit first: without this, the second half of a long list of events could be sent before the first half.
 */
export class OrderedAppends {
  readonly #last = new Map<number, Promise<unknown>>();

  /** Runs the append after all earlier ones with ordered events of the same organizations. */
  run<Result>(events: readonly NewEvent[], append: () => Promise<Result>): Promise<Result> {
    if (!events.some(({ ordered }) => ordered)) return append();
    const keys = new Set(events.filter(({ ordered }) => ordered).map(({ organizationKey }) => organizationKey));
    const before = [...keys].flatMap((key) => this.#last.get(key) ?? []);
    const running = before.length === 0 ? append() : Promise.allSettled(before).then(append);
    for (const key of keys) this.#last.set(key, running);
    const forget = (): void => {
      for (const key of keys) if (this.#last.get(key) === running) this.#last.delete(key);
    };
    running.then(forget, forget);
    return running;
  }
}

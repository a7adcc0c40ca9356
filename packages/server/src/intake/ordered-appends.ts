import type { NewEvent } from '../store/event-log.ts';

/**
 * Lets one append at a time store ordered events of an organization. Two batches are written at once, and the later one may
 * be committed first: of a long list of events the second half would be sent before the first.
 */
export class OrderedAppends {
  readonly #last = new Map<number, Promise<unknown>>();

  /** Runs the append after those before it that store ordered events of the same organizations. */
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

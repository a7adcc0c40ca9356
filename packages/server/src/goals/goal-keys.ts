import { LRUCache } from 'lru-cache';
import type { Queryable } from '../store/database.ts';
import { findGoal } from '../store/goals.ts';

/** Caches the internal keys of goals. They never change: a goal keeps its row and id, even after it is deleted. */
export class GoalKeys {
  readonly #queryable: Queryable;
  readonly #known = new LRUCache<string, number>({ max: 50_000 });

  constructor(queryable: Queryable) {
    this.#queryable = queryable;
  }

  /** null: there is no such goal. */
  async find(organizationKey: number, id: string): Promise<number | null> {
    const name = `${organizationKey} ${id}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const row = await findGoal(this.#queryable, organizationKey, id);
    if (row) this.#known.set(name, row.key);
    return row?.key ?? null;
  }
}

export interface FairBatchLimits<Item> {
  readonly maxItems: number;
  readonly maxWeight: number;
  readonly weigh: (item: Item) => number;
  /** Whose item it is. */
  readonly flowOf: (item: Item) => number;
  /** Whether nothing of the flow is to be taken now. */
  readonly isHeld: (flow: number) => boolean;
}

/**
 * Chooses the next batch from a queue: one item of each flow in turn, each flow's in the order of the queue, so that a
 * flow with thousands of items does not delay the only item of another. Returns indexes, in ascending order. A batch ends
 * before `maxWeight`, unless its first item alone passes it.
 */
export function fairBatch<Item>(queue: readonly Item[], limits: FairBatchLimits<Item>): number[] {
  const { maxItems, maxWeight, weigh, flowOf, isHeld } = limits;
  const flows = new Map<number, number[]>();
  const held = new Set<number>();
  queue.forEach((item, index) => {
    const flow = flowOf(item);
    if (held.has(flow)) return;
    const known = flows.get(flow);
    if (known) known.push(index);
    else if (isHeld(flow)) held.add(flow);
    else flows.set(flow, [index]);
  });
  const chosen: number[] = [];
  let weight = 0;
  for (let turn = 0; flows.size > 0; turn += 1) {
    for (const [flow, indexes] of flows) {
      const index = indexes[turn];
      const item = index === undefined ? undefined : queue[index];
      if (index === undefined || item === undefined) {
        flows.delete(flow);
        continue;
      }
      weight += weigh(item);
      if (chosen.length === maxItems || (chosen.length > 0 && weight > maxWeight)) return chosen.sort(ascending);
      chosen.push(index);
    }
  }
  return chosen.sort(ascending);
}

function ascending(a: number, b: number): number {
  return a - b;
}

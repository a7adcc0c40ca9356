export interface FairBatchLimits<Item> {
  readonly maxItems: number;
  readonly maxWeight: number;
  readonly weigh: (item: Item) => number;
  /** The flow that the item belongs to. */
  readonly flowOf: (item: Item) => number;
  /** Whether the flow's items must wait. */
  readonly isHeld: (flow: number) => boolean;
}

/**
 * Chooses the next batch from a queue by turns, one item per flow, so that a flow with thousands of items doesn't delay
 * others. Each flow keeps its order. Returns ascending indexes. A batch stops before `maxWeight`, unless its first item
 * alone exceeds it.
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

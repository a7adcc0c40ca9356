/** By the global timer, which the simulation drives; the one of `node:timers/promises` it cannot see. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

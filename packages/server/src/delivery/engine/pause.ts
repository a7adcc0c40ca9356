/** Uses the global timer, which the simulation controls. It does not control that of `node:timers/promises`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

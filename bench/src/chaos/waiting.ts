export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

const LOOK_MS = 100;

/** Waits until the condition holds; one that throws does not hold yet. Throws with the message if it does not in time. */
export async function within(ms: number, message: string, condition: () => Promise<boolean>): Promise<void> {
  if (!(await inTime(ms, condition))) throw new Error(message);
}

/** Waits until the condition holds, and returns whether it did in time. */
export async function inTime(ms: number, condition: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + ms;
  for (;;) {
    if (await condition().catch(() => false)) return true;
    if (performance.now() > deadline) return false;
    await pause(LOOK_MS);
  }
}

import type { RetryPlan } from '@posthorn/protocol';

/** Jitter of a plan without its own: ±10%. */
export const DEFAULT_JITTER = 0.1;

/** The planned delay without jitter; null: no retries are left. */
function plannedDelayMs(plan: RetryPlan, failedAttempts: number): number | null {
  const retry = failedAttempts - 1;
  switch (plan.kind) {
    case 'none':
      return null;
    case 'list':
      return plan.delaysMs[retry] ?? null;
    case 'fixed':
      return retry < plan.retries ? plan.delayMs : null;
    case 'exponential':
      // factor ** retry may become Infinity; min() limits it to maxMs.
      return retry < plan.retries ? Math.min(plan.maxMs, plan.firstMs * plan.factor ** retry) : null;
  }
}

/**
 * Returns the milliseconds from the last failed attempt to the next one; null: no retries are left. `failedAttempts`
 * counts all attempts, from 1. Jitter is a fraction: 0.1 spreads a delay evenly over ±10%, so the mean stays. `random`
 * returns a number in [0, 1).
 */
export function nextDelayMs(plan: RetryPlan, failedAttempts: number, random: () => number): number | null {
  if (!Number.isInteger(failedAttempts) || failedAttempts < 1)
    throw new RangeError(`failedAttempts must be 1 or more, not ${failedAttempts}`);
  const planned = plannedDelayMs(plan, failedAttempts);
  if (planned === null || plan.kind === 'none') return null;
  const jitter = Math.min(1, Math.max(0, plan.jitter ?? DEFAULT_JITTER));
  return Math.round(planned * (1 + jitter * (2 * random() - 1)));
}

export interface FailedDelivery {
  readonly plan: RetryPlan;
  /** Attempts made so far, all failed. */
  readonly failedAttempts: number;
  /** The wait that the last response asked for, in milliseconds (see `retryAfterMs`); null: none. */
  readonly retryAfterMs: number | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly random: () => number;
}

/**
 * Returns the time of the next attempt, in milliseconds since the epoch; null: no retries are left. `retryAfterMs` may
 * lengthen the wait, but never shortens it or adds an attempt.
 */
export function nextAttempt({ plan, failedAttempts, retryAfterMs, now, random }: FailedDelivery): number | null {
  const delayMs = nextDelayMs(plan, failedAttempts, random);
  return delayMs === null ? null : now + Math.max(delayMs, retryAfterMs ?? 0);
}

/** The number of retries of a plan. */
export function retryCount(plan: RetryPlan): number {
  switch (plan.kind) {
    case 'none':
      return 0;
    case 'list':
      return plan.delaysMs.length;
    case 'fixed':
    case 'exponential':
      return plan.retries;
  }
}

/** Describes a plan in one short English sentence, for logs, the portal and the documentation. */
export function describePlan(plan: RetryPlan): string {
  const retries = retryCount(plan);
  if (plan.kind === 'none' || retries === 0) return 'no retries';
  const count = retries === 1 ? '1 retry' : `${retries} retries`;
  switch (plan.kind) {
    case 'list':
      return `${count}: after ${plan.delaysMs.map(duration).join(', ')}`;
    case 'fixed':
      return `${count}, ${retries === 1 ? 'after' : 'every'} ${duration(plan.delayMs)}`;
    case 'exponential':
      return `${count}: after ${duration(plan.firstMs)}, each wait ${plan.factor} times the last, at most ${duration(plan.maxMs)}`;
  }
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
  [1, 'ms'],
] as const;

function duration(ms: number): string {
  const parts: string[] = [];
  let rest = Math.round(ms);
  for (const [size, unit] of UNITS) {
    const amount = Math.floor(rest / size);
    if (amount > 0) parts.push(`${amount} ${unit}`);
    rest -= amount * size;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

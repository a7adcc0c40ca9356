import type { Endpoint } from '../chaos-stage.ts';

/** One webhook that keeps order and refuses some first attempts, one that answers slowly. */
export const ENDPOINTS: readonly Endpoint[] = [
  { kind: 'flaky', ordered: true },
  { kind: 'slow', ordered: false },
];

import type { Scenario } from '../scenario.ts';
import { batch } from './batch.ts';
import { digest } from './digest.ts';
import { fanOut } from './fan-out.ts';
import { halfLoad } from './half-load.ts';
import { hanging } from './hanging.ts';
import { inbound } from './inbound.ts';
import { kill9 } from './kill-9.ts';
import { manyWebhooks } from './many-webhooks.ts';
import { bulkObjects, objects } from './objects.ts';
import { single } from './single.ts';
import { start } from './start.ts';
import { twoNodes } from './two-nodes.ts';
import { waitingRetries } from './waiting-retries.ts';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  start,
  single,
  fanOut,
  batch,
  objects,
  bulkObjects,
  digest,
  inbound,
  halfLoad,
  hanging,
  manyWebhooks,
  waitingRetries,
  twoNodes,
  kill9,
];

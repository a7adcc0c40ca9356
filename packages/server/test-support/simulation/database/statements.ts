import type { Implementation } from './server.ts';
import { APPEND } from './statements/append.ts';
import { DELIVERY_ORDER } from './statements/delivery-order.ts';
import { LOG_READING } from './statements/log-reading.ts';
import { REDELIVERY } from './statements/redelivery.ts';
import { SETTLE } from './statements/settle.ts';
import { SHARDS } from './statements/shards.ts';
import { TENANTS } from './statements/tenants.ts';
import { WAITING } from './statements/waiting.ts';
import { WEBHOOKS } from './statements/webhooks.ts';

/** The statements that the simulation knows, by name. A missing one ends the simulation with an error. */
export const STATEMENTS: ReadonlyMap<string, Implementation> = new Map(
  [APPEND, DELIVERY_ORDER, LOG_READING, REDELIVERY, SETTLE, SHARDS, TENANTS, WAITING, WEBHOOKS].flatMap((group) => Object.entries(group)),
);

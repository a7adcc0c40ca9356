import type { ChaosScenario } from '../scenario.ts';
import { clockSkew } from './clock-skew.ts';
import { connectionCuts } from './connection-cuts.ts';
import { cutOff } from './cut-off.ts';
import { databaseCrash } from './database-crash.ts';
import { diskFull } from './disk-full.ts';
import { fanOut } from './fan-out.ts';
import { frozenDatabase } from './frozen-database.ts';
import { kill9 } from './kill-9.ts';
import { reusedIds } from './reused-ids.ts';
import { rollingRestart } from './rolling-restart.ts';
import { sharedOrigin } from './shared-origin.ts';
import { sigstop } from './sigstop.ts';
import { slowDatabase } from './slow-database.ts';

/** In the order in which they run. */
export const SCENARIOS: readonly ChaosScenario[] = [
  kill9,
  sigstop,
  databaseCrash,
  reusedIds,
  connectionCuts,
  cutOff,
  frozenDatabase,
  slowDatabase,
  clockSkew,
  rollingRestart,
  diskFull,
  fanOut,
  sharedOrigin,
];

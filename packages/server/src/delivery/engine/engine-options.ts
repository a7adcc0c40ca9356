import type { Logger } from 'pino';
import type { Database } from '../../store/database.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { DispatcherOptions } from '../dispatch/options.ts';
import type { MemoryLimits } from './memory-budget.ts';
import type { Sender } from '../sender/sender.ts';

/** What an engine works with, and how it is timed. */
export interface EngineOptions {
  readonly database: Database;
  /**
   * Records outcomes; it need not wait for the disk. What a crash of the database server takes back of them is sent again,
   * as after any crash: the log's order sees to it that no low-water mark outlives the outcomes below it.
   */
  readonly outcomes: Database;
  readonly directory: Directory;
  readonly sender: Sender;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  readonly nodeName: string;
  /** No other process can have the database open: leases that a crash left behind are ended at once. */
  readonly alone: boolean;
  readonly leaseMs?: number;
  readonly renewMs?: number;
  readonly logPollMs?: number;
  readonly waitingPollMs?: number;
  /** How often slots are swept; every fortieth time orders are checked and old cancellations forgotten. Default: 250. */
  readonly sweepMs?: number;
  readonly dispatcher?: Partial<DispatcherOptions>;
  readonly memory?: Partial<MemoryLimits>;
}

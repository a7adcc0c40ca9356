import type { Logger } from 'pino';
import type { Database } from '../../store/database.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { DispatcherOptions } from '../dispatch/options.ts';
import type { MemoryLimits } from './memory-budget.ts';
import type { Sender } from '../sender/sender.ts';

/** The engine's dependencies and timing. */
export interface EngineOptions {
  readonly database: Database;
  /**
   * Records outcomes without waiting for the disk. What a database crash takes back is sent again. The order of
   * PostgreSQL's log ensures that no low-water mark survives the outcomes below it.
   */
  readonly outcomes: Database;
  readonly directory: Directory;
  readonly sender: Sender;
  readonly log: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: () => number;
  readonly nodeName: string;
  /** Whether no other process can have the database open: leases left by a crash are ended at start. */
  readonly alone: boolean;
  readonly leaseMs?: number;
  readonly renewMs?: number;
  readonly logPollMs?: number;
  readonly waitingPollMs?: number;
  /** How often slots are swept. Every fortieth sweep checks orders and drops old cancellations. Default: 250. */
  readonly sweepMs?: number;
  readonly dispatcher?: Partial<DispatcherOptions>;
  readonly memory?: Partial<MemoryLimits>;
}

import type { BacklogPoint } from './measure/backlog.ts';
import type { Account } from './measure/ledger.ts';
import type { Distribution } from './measure/samples.ts';

export interface ProcessFigures {
  readonly name: string;
  /** During the window. */
  readonly cpuSeconds: number;
  /** At its end. */
  readonly memoryBytes: number;
}

/** What one process took; undefined where it did not run. */
export function figuresOf({ processes }: Pick<Measurement, 'processes'>, name: string): ProcessFigures | undefined {
  return processes.find((figures) => figures.name === name);
}

/** What one stretch of load showed. */
export interface Measurement {
  readonly label: string;
  readonly seconds: number;
  /** Events a second, by the answers. */
  readonly acceptedPerSecond: number;
  /** Deliveries a second, by what arrived; those to hanging webhooks do not count. */
  readonly deliveredPerSecond: number;
  /** Request sent → answered, µs. */
  readonly acceptLatency: Distribution;
  /** Request sent → delivery received, µs. */
  readonly deliveryLatency: Distribution;
  readonly backlog: readonly BacklogPoint[];
  readonly backlogAtEnd: number;
  /** Deliveries a second by which the backlog grew. */
  readonly backlogGrowth: number;
  /** From the end of the load until everything had arrived; null: it did not in time. */
  readonly drainSeconds: number | null;
  /** From then on until everything was recorded too. */
  readonly settleSeconds: number | null;
  readonly account: Account;
  /** Answers other than 202, by status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly processes: readonly ProcessFigures[];
}

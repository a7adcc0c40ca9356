/** What was measured in one minute of the run. */
export interface Minute {
  /** From 1 on. */
  readonly number: number;
  readonly acceptedPerSecond: number;
  readonly deliveredPerSecond: number;
  readonly acceptP99Us: number;
  readonly deliveryP99Us: number;
  /** Resident memory at its end, by process. */
  readonly memoryBytes: Readonly<Record<string, number>>;
  /** Tables that keep history, with their indexes, at its end. */
  readonly historyBytes: number;
  /** All other tables, with their indexes. */
  readonly otherBytes: number;
  /** Events stored so far. */
  readonly events: number;
  readonly waitingRows: number;
  readonly transactionHeld: boolean;
}

/** When the transaction is open: the minutes after the first, up to and with the second. */
export interface Hold {
  readonly after: number;
  readonly until: number;
}

const LONGEST_HOLD = 20;

/** The middle third, at most 20 minutes. */
export function holdOf(minutes: number): Hold {
  const length = Math.min(LONGEST_HOLD, Math.floor(minutes / 3));
  const after = Math.floor((minutes - length) / 2);
  return { after, until: after + length };
}

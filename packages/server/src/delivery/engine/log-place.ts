/** An event's place in the log: in commit order, and by id within a transaction. */
export interface LogPlace {
  /** The transaction that stored the event. */
  readonly xid: number;
  readonly id: string;
}

export function isBefore(a: LogPlace, b: LogPlace): boolean {
  return a.xid === b.xid ? a.id < b.id : a.xid < b.xid;
}

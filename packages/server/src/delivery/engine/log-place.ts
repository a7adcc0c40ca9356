/** Where an event is in the log: commit order, and within a transaction the order of ids. */
export interface LogPlace {
  /** The transaction that stored the event. */
  readonly xid: number;
  readonly id: string;
}

export function isBefore(a: LogPlace, b: LogPlace): boolean {
  return a.xid === b.xid ? a.id < b.id : a.xid < b.xid;
}

import type { NewEvent } from '../store/event-log.ts';

/** A stored event on its way from the log to the queues. */
export interface LoggedEvent {
  readonly organizationKey: number;
  readonly id: string;
  /** The id of the transaction that stored it. */
  readonly xid: number;
  readonly shard: number;
  readonly type: string;
  readonly subjectKind: string | null;
  readonly subjectId: string | null;
  readonly externalId: string | null;
  readonly test: boolean;
  readonly body: Uint8Array;
  readonly webhookIds: readonly string[];
}

/** An append in progress. Until it ends, the low-water mark stays below the transactions it may commit. */
export interface Flush {
  /** The events are stored: hands those that this node claimed over to delivery. */
  committed(xid: number, events: readonly NewEvent[]): void;
  /** It is certain that nothing was stored. */
  rolledBack(): void;
  /** The connection broke before the response: the events may or may not be committed, so the owner searches the log. */
  unknownOutcome(events: readonly NewEvent[]): void;
}

/** The node's part of the event log: which shards it owns, and how accepted events reach delivery. */
export interface LogOwner {
  readonly nodeId: number;
  owns(shard: number): boolean;
  /**
   * Resolves when all nodes know this one and it may store ordered events; null: at once. Rejects with `unavailable`.
   */
  beforeOrdered(): Promise<void> | null;
  /** `ordered`: whether the append may store ordered events. */
  beginFlush(ordered: boolean): Flush;
  /** Whether accepting should wait for delivery to catch up. */
  congested(): boolean;
  /** Whether accepting events of the organization should wait for their delivery to catch up. */
  isBehind(organizationKey: number): boolean;
  /** Whether too many of the organization's events wait for room in memory to accept more. */
  isFull(organizationKey: number): boolean;
}

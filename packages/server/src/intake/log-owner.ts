import type { NewEvent } from '../store/event-log.ts';

/** A stored event on its way from the log to the queues. */
export interface LoggedEvent {
  readonly organizationKey: number;
  readonly id: string;
  /** The transaction that stored it. */
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

/** An append under way. Until it ends, the low-water mark stays below what it may commit. */
export interface Flush {
  /** Stored: hands over what this node claimed. */
  committed(xid: number, events: readonly NewEvent[]): void;
  /** Nothing was stored, for certain. */
  rolledBack(): void;
  /** The connection broke before the response: the events may or may not be committed, so the owner searches the log. */
  unknownOutcome(events: readonly NewEvent[]): void;
}

/** The node's side of the log: which shards it owns, and where accepted events go. */
export interface LogOwner {
  readonly nodeId: number;
  owns(shard: number): boolean;
  /** Resolves when ordered events may be stored: the other nodes know of this one. Rejects with `unavailable`. null: they do. */
  beforeOrdered(): Promise<void> | null;
  /** `ordered`: it may store ordered events. */
  beginFlush(ordered: boolean): Flush;
  /** Whether accepting should wait for delivery to catch up. */
  congested(): boolean;
  /** Whether accepting for the organization should wait for the delivery of its events to catch up. */
  isBehind(organizationKey: number): boolean;
  /** Whether so many of the organization's events wait for room that no more should be accepted. */
  isFull(organizationKey: number): boolean;
}

import type { Logger } from 'pino';
import { BatchWriter } from '../../batching/batch-writer.ts';
import type { Database } from '../../store/database.ts';
import { sqlState } from '../../errors/database-error.ts';
import { settleFirst, settleLater, settleSpilled, type Settlement } from '../../store/settle.ts';
import { pause } from './pause.ts';

export interface OutcomeRecorderOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly nodeId: () => number;
  readonly now: () => number;
}

/**
 * How long an outcome waits for others before its batch is written. A crash repeats what was sent in that time.
 * At 10,000 deliveries a second, batches are 200 outcomes instead of 60.
 */
const LINGER_MS = 20;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

type Write = (batch: readonly Settlement[]) => Promise<void>;

/** Records the outcomes of deliveries, in batches. An outcome stays in memory until it is stored. */
export class OutcomeRecorder {
  readonly #options: OutcomeRecorderOptions;
  readonly #first: BatchWriter<Settlement, true>;
  readonly #spilled: BatchWriter<Settlement, true>;
  readonly #later: BatchWriter<Settlement, true>;
  #pending = 0;
  #pendingAttempts = 0;
  #stopped = false;

  constructor(options: OutcomeRecorderOptions) {
    this.#options = options;
    const { database, nodeId, now } = options;
    const batches = { maxItems: 500, maxInFlight: 2, eagerItems: 250, lingerMs: LINGER_MS };
    // A delivery that ends with its first attempt has no row and is in memory once: a batch holds it once.
    this.#first = new BatchWriter({
      ...batches,
      write: (settlements) => this.#write(settlements, (batch) => settleFirst(database, nodeId(), batch)),
    });
    this.#spilled = new BatchWriter({
      ...batches,
      write: (settlements) => this.#write(settlements, (batch) => settleSpilled(database, nodeId(), latestPerDelivery(batch))),
    });
    // One at a time: two batches with the same delivery could wait for each other.
    this.#later = new BatchWriter({
      ...batches,
      maxInFlight: 1,
      write: (settlements) =>
        this.#write(settlements, (batch) =>
          settleLater(database, { nodeId: nodeId(), nowMs: now(), settlements: latestPerDelivery(batch) }),
        ),
    });
  }

  /** Outcomes that are not recorded yet. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * Outcomes of attempts that are not recorded yet. Spilled deliveries don't count: a breaker that opens spills
   * thousands at once, and they must not block sending.
   */
  get pendingAttempts(): number {
    return this.#pendingAttempts;
  }

  /** Resolves when the outcome is recorded, or when the shard's next owner has taken over and it is discarded. */
  record(settlement: Settlement): Promise<true> {
    this.#count(settlement, 1);
    return this.#writerOf(settlement).add(settlement);
  }

  #count(settlement: Settlement, change: 1 | -1): void {
    this.#pending += change;
    if (settlement.attempt !== null) this.#pendingAttempts += change;
  }

  #writerOf({ waiting, wasWaiting, attemptCount, orderKey }: Settlement): BatchWriter<Settlement, true> {
    if (wasWaiting) return this.#later;
    if (waiting === null) return attemptCount <= 1 ? this.#first : this.#later;
    return waiting.reason === 'backlog' && attemptCount === 0 && orderKey === null ? this.#spilled : this.#later;
  }

  /** Waits until everything is recorded. */
  async drained(): Promise<void> {
    await Promise.all([this.#first.drained(), this.#spilled.drained(), this.#later.drained()]);
  }

  /** Stops retrying failed writes. */
  stop(): void {
    this.#stopped = true;
  }

  async #write(settlements: readonly Settlement[], write: Write): Promise<true[]> {
    try {
      await this.#writeWithRetry(settlements, write);
    } finally {
      for (const settlement of settlements) this.#count(settlement, -1);
    }
    return settlements.map(() => true);
  }

  async #writeWithRetry(batch: readonly Settlement[], write: Write): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      try {
        return await write(batch);
      } catch (error) {
        if (this.#stopped) throw error;
        if (!isTransient(error)) return this.#oneByOne(batch, write, error);
        this.#options.log.warn({ err: error, count: batch.length }, 'Failed to record delivery outcomes; retrying');
        await pause(waitMs);
      }
    }
  }

  /** Writes a batch that the database rejects one outcome at a time, so that only the invalid ones are lost. */
  async #oneByOne(batch: readonly Settlement[], write: Write, error: unknown): Promise<void> {
    if (batch.length === 1) {
      this.#options.log.error({ err: error, delivery: batch[0]?.deliveryId }, 'The database rejected a delivery outcome; dropped it');
      return;
    }
    for (const settlement of batch) await this.#writeWithRetry([settlement], write);
  }
}

/** A statement can write a delivery only once. */
function latestPerDelivery(settlements: readonly Settlement[]): readonly Settlement[] {
  const last = new Map<string, Settlement>();
  for (const settlement of settlements) last.set(settlement.deliveryId, settlement);
  return last.size === settlements.length ? settlements : [...last.values()];
}

/** SQLSTATE classes that a retry cannot fix (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const PERMANENT = /^(?:21|22|23|42)[0-9A-Z]{3}$/;

function isTransient(error: unknown): boolean {
  return !PERMANENT.test(sqlState(error) ?? '');
}

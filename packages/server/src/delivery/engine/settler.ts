import type { Logger } from 'pino';
import { BatchWriter } from '../../store/batch-writer.ts';
import { sqlState, type Database } from '../../store/database.ts';
import { setAside, settleFirst, settleLater, type Settlement } from '../../store/settle.ts';
import { pause } from './pause.ts';

export interface SettlerOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly nodeId: () => number;
  readonly now: () => number;
}

/**
 * An outcome waits so long for company: a crash repeats what was sent in that time, and no reader misses it so soon.
 * At 10,000 deliveries a second it makes batches of 200 where there were 60.
 */
const LINGER_MS = 20;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

type Write = (batch: readonly Settlement[]) => Promise<void>;

/** Records what became of deliveries, in batches; an outcome waits in memory until the database has taken it. */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #first: BatchWriter<Settlement, true>;
  readonly #aside: BatchWriter<Settlement, true>;
  readonly #later: BatchWriter<Settlement, true>;
  #pending = 0;
  #pendingExchanges = 0;
  #stopped = false;

  constructor(options: SettlerOptions) {
    this.#options = options;
    const { database, nodeId, now } = options;
    const batches = { maxItems: 500, maxInFlight: 2, eagerItems: 250, lingerMs: LINGER_MS };
    // What ends with its first attempt was in memory once and had no row: it stands in a batch once.
    this.#first = new BatchWriter({
      ...batches,
      write: (settlements) => this.#write(settlements, (batch) => settleFirst(database, nodeId(), batch)),
    });
    this.#aside = new BatchWriter({
      ...batches,
      write: (settlements) => this.#write(settlements, (batch) => setAside(database, nodeId(), lastWordPerDelivery(batch))),
    });
    // One at a time: two batches with the same delivery could wait for each other.
    this.#later = new BatchWriter({
      ...batches,
      maxInFlight: 1,
      write: (settlements) =>
        this.#write(settlements, (batch) =>
          settleLater(database, { nodeId: nodeId(), nowMs: now(), settlements: lastWordPerDelivery(batch) }),
        ),
    });
  }

  /** Outcomes that are not recorded yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Of them, those of exchanges. What is only set aside must not keep the others from being sent: a breaker that opens sets thousands aside at once. */
  get pendingExchanges(): number {
    return this.#pendingExchanges;
  }

  /** Answers when the outcome is recorded, or a later owner has taken the word. */
  record(settlement: Settlement): Promise<true> {
    this.#count(settlement, 1);
    return this.#writerOf(settlement).add(settlement);
  }

  #count(settlement: Settlement, change: 1 | -1): void {
    this.#pending += change;
    if (settlement.attempt !== null) this.#pendingExchanges += change;
  }

  #writerOf({ waiting, wasWaiting, attemptCount, orderKey }: Settlement): BatchWriter<Settlement, true> {
    if (wasWaiting) return this.#later;
    if (waiting === null) return attemptCount <= 1 ? this.#first : this.#later;
    return waiting.reason === 'backlog' && attemptCount === 0 && orderKey === null ? this.#aside : this.#later;
  }

  /** Waits until everything is recorded. */
  async drained(): Promise<void> {
    await Promise.all([this.#first.drained(), this.#aside.drained(), this.#later.drained()]);
  }

  /** Gives up what the database does not take. */
  stop(): void {
    this.#stopped = true;
  }

  async #write(settlements: readonly Settlement[], write: Write): Promise<true[]> {
    try {
      await this.#insist(settlements, write);
    } finally {
      for (const settlement of settlements) this.#count(settlement, -1);
    }
    return settlements.map(() => true);
  }

  async #insist(batch: readonly Settlement[], write: Write): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      try {
        return await write(batch);
      } catch (error) {
        if (this.#stopped) throw error;
        if (!mayPass(error)) return this.#oneByOne(batch, write, error);
        this.#options.log.warn({ err: error, count: batch.length }, 'Outcomes could not be recorded; trying again.');
        await pause(waitMs);
      }
    }
  }

  /** The database refuses something in the batch for good: the others must not suffer for it. */
  async #oneByOne(batch: readonly Settlement[], write: Write, error: unknown): Promise<void> {
    if (batch.length === 1) {
      this.#options.log.error({ err: error, delivery: batch[0]?.deliveryId }, 'An outcome was refused by the database.');
      return;
    }
    for (const settlement of batch) await this.#insist([settlement], write);
  }
}

/** One statement may touch a delivery once only. */
function lastWordPerDelivery(settlements: readonly Settlement[]): readonly Settlement[] {
  const last = new Map<string, Settlement>();
  for (const settlement of settlements) last.set(settlement.deliveryId, settlement);
  return last.size === settlements.length ? settlements : [...last.values()];
}

/** SQLSTATE classes of the data itself: trying again would fail again (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const FINAL = /^(?:21|22|23|42)[0-9A-Z]{3}$/;

function mayPass(error: unknown): boolean {
  return !FINAL.test(sqlState(error) ?? '');
}

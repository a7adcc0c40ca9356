import type { Entry, Lane } from './lane.ts';
import type { LaneKey } from './offer.ts';
import type { DispatcherOptions } from './options.ts';
import { TimerHeap } from './timer-heap.ts';

/**
 * Schedules the probes of webhooks with an open breaker and limits how many are under way. Ten thousand endpoints that
 * hang would otherwise hold ten thousand slots.
 */
export class Probes<Job> {
  readonly #max: number;
  readonly #maxOfOrganization: number;
  readonly #timers = new TimerHeap<Lane<Job>>((lane, at) => lane.breaker !== null && lane.breaker.probeAt === at);
  #underWay = 0;

  constructor({ probes, organizationShare }: Pick<DispatcherOptions, 'probes' | 'organizationShare'>) {
    this.#max = Math.max(1, probes);
    this.#maxOfOrganization = Math.max(1, Math.floor(probes * organizationShare));
  }

  /** When the next probe is due; null: none is, or too many are under way. */
  next(): number | null {
    return this.#underWay >= this.#max ? null : this.#timers.next();
  }

  /** Returns webhooks for which a probe should be offered now, at most `limit`. */
  due(now: number, limit: number): LaneKey[] {
    const due: LaneKey[] = [];
    while (due.length < limit && this.#underWay + due.length < this.#max) {
      const lane = this.#timers.takeDue(now);
      if (lane === null) break;
      lane.breaker?.asked(now);
      this.watch(lane);
      if (this.#hasShare(lane)) due.push({ organizationKey: lane.organizationKey, webhookId: lane.webhookId });
    }
    return due;
  }

  /** Whether a job that the lane's breaker has refused may be its probe. */
  admits(lane: Lane<Job>, kind: 'fresh' | 'retry', now: number): boolean {
    if (lane.breaker === null || lane.probing !== null || lane.pausedUntil !== null || !lane.breaker.admits(kind, now)) return false;
    return this.#underWay < this.#max && this.#hasShare(lane);
  }

  /** A fresh job of the lane was spilled: makes its probe due sooner. */
  hasten(lane: Lane<Job>): void {
    const { breaker } = lane;
    if (breaker === null) return;
    const before = breaker.probeAt;
    breaker.hasten();
    if (breaker.probeAt !== before) this.watch(lane);
  }

  begin(lane: Lane<Job>, entry: Entry<Job>): void {
    this.end(lane);
    lane.probing = entry;
    lane.organization.probes += 1;
    this.#underWay += 1;
    lane.breaker?.probeQueued();
  }

  end(lane: Lane<Job>): void {
    if (lane.probing === null) return;
    lane.probing = null;
    lane.organization.probes -= 1;
    this.#underWay -= 1;
  }

  /** Must be called after the time of the lane's next probe has changed. */
  watch(lane: Lane<Job>): void {
    const at = lane.breaker === null ? null : lane.breaker.probeAt;
    if (at !== null && at !== Number.POSITIVE_INFINITY) this.#timers.add(at, lane);
  }

  #hasShare(lane: Lane<Job>): boolean {
    return lane.organization.probes < this.#maxOfOrganization;
  }
}

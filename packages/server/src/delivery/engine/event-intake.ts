import type { LoggedEvent } from '../../intake/log-owner.ts';
import type { Directory } from '../../tenancy/directory.ts';
import type { Tenant } from '../../tenancy/tenant.ts';
import type { DeferredEvents } from './deferred-events.ts';
import type { TakenEvent } from './job.ts';
import type { ReadEvent } from './log-pages.ts';
import { isBefore, type LogPlace } from './log-place.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { OwnedShard } from './owned-shard.ts';

export interface EventIntakeOptions {
  readonly directory: Pick<Directory, 'peek' | 'invalidate'>;
  /** Reads an organization, retrying until it succeeds; null: it is deleted, or the node is stopping. */
  readonly readTenant: (organizationKey: number) => Promise<Tenant | null>;
  /** Whether the log cannot contain unread events that must precede an ordered event committed here. */
  readonly isOnlySource: () => boolean;
  /** Called when an event is held back until the log has been read. */
  readonly onHeldBack: () => void;
  readonly memory: MemoryBudget;
  readonly deferred: DeferredEvents;
  readonly offer: (tenant: Tenant | null, taken: TakenEvent) => void;
}

/**
 * Takes in events from this node's commits and from the log, in order for each organization. An ordered event of this
 * node is held back until the log has been read up to it, because other nodes may have committed earlier ones.
 */
export class EventIntake {
  readonly #options: EventIntakeOptions;
  /** Held-back events in commit order. */
  readonly #heldBack: TakenEvent[] = [];
  /** Events that wait until their organization has been read. */
  readonly #loading = new Map<number, TakenEvent[]>();

  constructor(options: EventIntakeOptions) {
    this.#options = options;
  }

  /** Takes in an event that this node committed. */
  takeCommitted(shard: OwnedShard, event: LoggedEvent): void {
    const { webhookIds } = event;
    if (webhookIds.length === 0) return;
    const taken = { shard, event, outstanding: shard.defer(event), webhookIds };
    if (event.subjectId === null || !this.#isOrdered(event)) return this.#take(taken);
    if (this.#options.isOnlySource() && this.#heldBack.length === 0) return this.#take(taken);
    let at = this.#heldBack.length;
    for (let before = this.#heldBack[at - 1]; before && isBefore(event, before.event); before = this.#heldBack[at - 1]) at--;
    this.#heldBack.splice(at, 0, taken);
    this.#options.onHeldBack();
  }

  /** Takes in an event that was read from the log. */
  takeLogged({ shard, event, webhookIds, isChecked }: ReadEvent): void {
    if (webhookIds.length === 0) return;
    this.releaseBefore(event);
    const taken = { shard, event, outstanding: shard.defer(event), webhookIds };
    if (isChecked) this.#take(taken);
    else this.#options.deferred.add(taken, { isChecked });
  }

  /** Takes in a deferred event for which there is room now. */
  takeDeferred(taken: TakenEvent): void {
    taken.shard.load(taken.outstanding, taken.event, taken.webhookIds.length);
    this.#expand(taken);
  }

  /** Releases held-back events before the place, up to which the log has been read. */
  releaseBefore(place: LogPlace): void {
    for (let first = this.#heldBack[0]; first && isBefore(first.event, place); first = this.#heldBack[0]) {
      this.#heldBack.shift();
      if (first.shard.isOpen) this.#take(first);
    }
  }

  #isOrdered({ organizationKey, webhookIds }: LoggedEvent): boolean {
    const tenant = this.#options.directory.peek(organizationKey);
    return !tenant || webhookIds.some((id) => tenant.webhooks.get(id)?.ordered !== false);
  }

  /** Loads the event if there is room; otherwise defers it behind the deferred events of its organization. */
  #take(taken: TakenEvent): void {
    const { memory, deferred } = this.#options;
    const { shard, event, outstanding, webhookIds } = taken;
    if (deferred.has(event.organizationKey) || !memory.admits(memory.of(event.organizationKey), webhookIds.length, event.body.length)) {
      // If some deliveries have a row, the event's row doesn't say which.
      return deferred.add(taken, { isChecked: webhookIds.length === event.webhookIds.length });
    }
    shard.load(outstanding, event, webhookIds.length);
    this.#expand(taken);
  }

  #expand(taken: TakenEvent): void {
    const { directory, offer } = this.#options;
    const { organizationKey } = taken.event;
    const loading = this.#loading.get(organizationKey);
    if (loading) return void loading.push(taken);
    const tenant = directory.peek(organizationKey);
    if (tenant && taken.webhookIds.every((id) => tenant.webhooks.has(id))) return offer(tenant, taken);
    // The cached webhooks may be older than the event, which would then count as cancelled.
    if (tenant) directory.invalidate(organizationKey);
    this.#loading.set(organizationKey, []);
    void this.#takeSlowly(taken);
  }

  async #takeSlowly(taken: TakenEvent): Promise<void> {
    const { organizationKey } = taken.event;
    const tenant = await this.#options.readTenant(organizationKey);
    const later = this.#loading.get(organizationKey) ?? [];
    this.#loading.delete(organizationKey);
    if (taken.shard.isOpen) this.#options.offer(tenant, taken);
    // Their webhooks may be newer than the organization that was read.
    for (const one of later) if (one.shard.isOpen) this.#expand(one);
  }
}

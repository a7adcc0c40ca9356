import { Lane, OrganizationShares } from './lane.ts';
import type { LaneKey } from './offer.ts';
import type { DispatcherOptions } from './options.ts';
import { Ring } from './ring.ts';

/**
 * The lanes by webhook. Idle lanes are kept for their window and latency, up to a limit, the most recent ones longest.
 */
export class LaneDirectory<Job> {
  readonly #options: DispatcherOptions;
  readonly #lanes = new Map<string, Lane<Job>>();
  readonly #organizations = new Map<number, OrganizationShares<Job>>();
  readonly #idle = new Ring<Lane<Job>>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#lanes.size;
  }

  find(webhookId: string): Lane<Job> | undefined {
    return this.#lanes.get(webhookId);
  }

  /** All lanes. Slow, so use it rarely. */
  all(): Iterable<Lane<Job>> {
    return this.#lanes.values();
  }

  /** The organization, if it has lanes. */
  organization(key: number): OrganizationShares<Job> | undefined {
    return this.#organizations.get(key);
  }

  /** Creates a lane, which must not exist yet. */
  make(key: LaneKey): Lane<Job> {
    const { organizationKey } = key;
    let organization = this.#organizations.get(organizationKey);
    if (organization === undefined) {
      organization = new OrganizationShares(organizationKey);
      this.#organizations.set(organizationKey, organization);
    }
    organization.lanes += 1;
    const lane = new Lane<Job>(key, organization, this.#options);
    this.#lanes.set(key.webhookId, lane);
    return lane;
  }

  /** The lane is no longer idle. */
  wake(lane: Lane<Job>): void {
    this.#idle.remove(lane.node);
  }

  /** The lane may have become idle. */
  settle(lane: Lane<Job>): void {
    if (!lane.isIdle) return;
    if (lane.forgotten) {
      this.#drop(lane);
      return;
    }
    if (lane.node.ring !== this.#idle) this.#idle.append(lane.node);
    if (this.#idle.size <= this.#options.rememberedLanes) return;
    const oldest = this.#idle.head;
    if (oldest !== null) this.#drop(oldest);
  }

  #drop(lane: Lane<Job>): void {
    this.#idle.remove(lane.node);
    this.#lanes.delete(lane.webhookId);
    lane.organization.lanes -= 1;
    if (lane.organization.lanes === 0) this.#organizations.delete(lane.organization.key);
  }
}

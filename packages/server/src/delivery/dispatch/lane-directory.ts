import { Lane, OrganizationShares } from './lane.ts';
import type { LaneKey } from './offer.ts';
import type { DispatcherOptions } from './options.ts';
import { Ring } from './ring.ts';

/** The lanes by webhook. Idle ones are remembered for what was learned of them, up to a bound, the latest ones longest. */
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

  /** All lanes: for what happens rarely. */
  all(): Iterable<Lane<Job>> {
    return this.#lanes.values();
  }

  /** The organization, if it has lanes. */
  organization(key: number): OrganizationShares<Job> | undefined {
    return this.#organizations.get(key);
  }

  /** Makes a lane that is not there yet. */
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

  /** A lane has something to do again. */
  wake(lane: Lane<Job>): void {
    this.#idle.remove(lane.node);
  }

  /** A lane may have become idle. */
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

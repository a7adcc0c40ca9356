import type { Lane, OrganizationShares } from './lane.ts';
import type { DispatcherOptions } from './options.ts';

/** The most that one organization adds to `pressure`. */
const MAX_PRESSURE = 250;

/** Counts queued jobs, in total and by organization, and limits how many a webhook may queue. */
export class QueueRoom<Job> {
  readonly #perWebhook: number;
  readonly #total: number;
  readonly #ofOrganization: number;
  #queued = 0;
  #waitingLanes = 0;
  #pressure = 0;

  constructor({ queuePerWebhook, queueTotal, organizationShare }: DispatcherOptions) {
    this.#perWebhook = queuePerWebhook;
    this.#total = queueTotal;
    this.#ofOrganization = queueTotal * organizationShare;
  }

  get queued(): number {
    return this.#queued;
  }

  /** Queued jobs of fast webhooks. Each organization counts for at most `MAX_PRESSURE`. */
  get pressure(): number {
    return this.#pressure;
  }

  /** The maximum of queued jobs for one webhook. */
  bound(organization: OrganizationShares<Job> | undefined): number {
    const bound = Math.min(this.#perWebhook, boundOf(this.#total, this.#queued, this.#waitingLanes));
    return organization === undefined
      ? bound
      : Math.min(bound, boundOf(this.#ofOrganization, organization.queued, organization.waitingLanes));
  }

  /** Must be called after the lane's queue has changed by `change` jobs. */
  count(lane: Lane<Job>, change: number): void {
    if (change === 0) return;
    const { organization } = lane;
    this.#queued += change;
    organization.queued += change;
    const size = lane.queue.size;
    const lanes = size === 0 ? -1 : size === change ? 1 : 0;
    this.#waitingLanes += lanes;
    organization.waitingLanes += lanes;
  }

  /** Must be called after a lane's queue, breaker or latency has changed. */
  countResponsive(lane: Lane<Job>): void {
    const responsive = lane.pool === 'fast' && !lane.isOpen ? lane.queue.size : 0;
    if (responsive === lane.responsive) return;
    const { organization } = lane;
    const before = organization.responsive;
    organization.responsive += responsive - lane.responsive;
    lane.responsive = responsive;
    this.#pressure += Math.min(organization.responsive, MAX_PRESSURE) - Math.min(before, MAX_PRESSURE);
  }
}

/** Above `total`, the limit of a lane shrinks below the equal share, down to zero at twice `total`. */
function boundOf(total: number, queued: number, lanes: number): number {
  if (queued < total) return Number.POSITIVE_INFINITY;
  if (queued >= 2 * total) return 0;
  return Math.max(1, (total / Math.max(1, lanes)) * (2 - queued / total));
}

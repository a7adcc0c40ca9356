import { Ring, RingNode } from './ring.ts';

/** Turns go by tier. `capped` members get a slot only if no other member wants it. */
export type Tier = 'fresh' | 'retries' | 'capped';

/** An organization's part of a pool: its slots in use, and its lanes that want one. */
export class Share<Lane> {
  inUse = 0;
  readonly fresh = new Ring<Lane>();
  readonly retries = new Ring<Lane>();
  readonly capped = new Ring<Lane>();
  /** The organization's nodes in the pool's rings. */
  readonly turns = {
    fresh: new RingNode<Share<Lane>>(this),
    retries: new RingNode<Share<Lane>>(this),
    capped: new RingNode<Share<Lane>>(this),
  };

  /** The lanes whose turn it is, if the tier of the lanes doesn't matter. */
  get anyTier(): Ring<Lane> {
    if (this.fresh.size > 0) return this.fresh;
    return this.retries.size > 0 ? this.retries : this.capped;
  }
}

export interface SlotPoolOptions {
  readonly slots: number;
  /** Slots that capped members must leave free. */
  readonly reserve: number;
  /** Additional slots for exchanges that are moved in. */
  readonly overflow: number;
  readonly webhookShare: number;
  readonly organizationShare: number;
  readonly retryEvery: number;
}

/**
 * A pool of slots, given out round robin over organizations, then over each organization's lanes. Since every job takes
 * one slot, this is deficit round robin with a quantum of one.
 */
export class SlotPool<Lane> {
  /** Maximum slots of one webhook, and of one organization, while others wait. */
  readonly webhookCap: number;
  readonly organizationCap: number;
  readonly #options: SlotPoolOptions;
  readonly #rings = { fresh: new Ring<Share<Lane>>(), retries: new Ring<Share<Lane>>(), capped: new Ring<Share<Lane>>() };
  #used = 0;
  #turn = 0;

  constructor(options: SlotPoolOptions) {
    this.#options = options;
    this.webhookCap = Math.max(1, Math.floor(options.slots * options.webhookShare));
    this.organizationCap = Math.max(1, Math.floor(options.slots * options.organizationShare));
  }

  get used(): number {
    return this.#used;
  }

  /** Returns the lane that gets the next slot, and ends its turn. null: no slot is free, or no lane wants one. */
  next(): Lane | null {
    const { slots, reserve, retryEvery } = this.#options;
    if (this.#used >= slots) return null;
    const { fresh, retries, capped } = this.#rings;
    this.#turn += 1;
    const retriesFirst = retries.size > 0 && this.#turn % retryEvery === 0;
    if (fresh.size > 0 && !retriesFirst) return takeTurn(fresh, 'fresh');
    if (retries.size > 0) return takeTurn(retries, 'retries');
    return this.#used < slots - reserve ? takeTurn(capped, null) : null;
  }

  /** The lane wants a slot. */
  join(share: Share<Lane>, lane: RingNode<Lane>, tier: Tier): void {
    const ring = share[tier];
    if (lane.ring === ring) return;
    ring.append(lane);
    this.#refresh(share);
  }

  /** The lane no longer wants a slot. */
  leave(share: Share<Lane>, lane: RingNode<Lane>): void {
    if (lane.ring === null) return;
    lane.ring.remove(lane);
    this.#refresh(share);
  }

  occupy(share: Share<Lane>): void {
    this.#used += 1;
    share.inUse += 1;
    if (share.inUse === this.organizationCap) this.#refresh(share);
  }

  vacate(share: Share<Lane>): void {
    this.#used -= 1;
    share.inUse -= 1;
    if (share.inUse === this.organizationCap - 1) this.#refresh(share);
  }

  /** Whether an exchange under way may be moved in. Half of the overflow is for organizations below their share. */
  admitsMoved(share: Share<Lane>): boolean {
    const { slots, overflow, organizationShare } = this.#options;
    if (this.#used < slots + overflow / 2) return true;
    return this.#used < slots + overflow && share.inUse < (slots + overflow) * organizationShare;
  }

  #refresh(share: Share<Lane>): void {
    const { turns } = share;
    const over = share.inUse >= this.organizationCap;
    const { fresh, retries, capped } = this.#rings;
    setMember(fresh, turns.fresh, !over && share.fresh.size > 0);
    setMember(retries, turns.retries, !over && share.retries.size > 0);
    setMember(capped, turns.capped, share.capped.size > 0 || (over && share.fresh.size + share.retries.size > 0));
  }
}

function setMember<Value>(ring: Ring<Value>, node: RingNode<Value>, member: boolean): void {
  if (member === (node.ring !== null)) return;
  if (member) ring.append(node);
  else ring.remove(node);
}

function takeTurn<Lane>(organizations: Ring<Share<Lane>>, tier: 'fresh' | 'retries' | null): Lane | null {
  const share = organizations.head;
  if (share === null) return null;
  organizations.rotate();
  const lanes = tier === null ? share.anyTier : share[tier];
  const lane = lanes.head;
  lanes.rotate();
  return lane;
}

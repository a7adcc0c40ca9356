import { ChainedList, type Chained } from '../chained-list.ts';
import { Ring, RingNode } from '../dispatch/ring.ts';

/** A webhook's connections in use to one origin, and its waiting exchanges. */
export class WebhookShare<Item extends Chained<Item>> {
  inUse = 0;
  readonly waiting = new ChainedList<Item>();
  readonly organization: OrganizationShare<Item>;
  readonly turn: RingNode<WebhookShare<Item>> = new RingNode(this);

  constructor(organization: OrganizationShare<Item>) {
    this.organization = organization;
  }
}

class OrganizationShare<Item extends Chained<Item>> {
  inUse = 0;
  /** Its webhooks with waiting exchanges. */
  readonly turns = new Ring<WebhookShare<Item>>();
  readonly turn: RingNode<OrganizationShare<Item>> = new RingNode(this);
}

/** Unused shares are dropped above this number. */
const MAX_IDLE_SHARES = 1_000;

/**
 * Divides an origin's connections by dynamic thresholds (Choudhury and Hahne 1998): an organization may take one while
 * it uses fewer than are free, a webhook while it uses fewer than its organization may still take. If n organizations
 * hang, 1 of n + 1 parts stays free for the next.
 */
export class OriginShares<Item extends Chained<Item>> {
  readonly #connections: number;
  readonly #organizations = new Map<number, OrganizationShare<Item>>();
  readonly #webhooks = new Map<string, WebhookShare<Item>>();
  /** Organizations with waiting webhooks. */
  readonly #turns = new Ring<OrganizationShare<Item>>();
  #inUse = 0;
  #pruneAt = MAX_IDLE_SHARES;

  constructor(connections: number) {
    this.#connections = connections;
  }

  /** Number of known webhooks. */
  get size(): number {
    return this.#webhooks.size;
  }

  get isWaiting(): boolean {
    return this.#turns.size > 0;
  }

  of(organizationKey: number, webhookId: string): WebhookShare<Item> {
    return this.#webhooks.get(webhookId) ?? this.#add(organizationKey, webhookId);
  }

  /** Whether the webhook may use another connection now. Its waiting exchanges come first. */
  admits(share: WebhookShare<Item>): boolean {
    return share.waiting.oldest === null && share.inUse < this.#headroom(share.organization);
  }

  occupy(share: WebhookShare<Item>): void {
    this.#inUse++;
    share.inUse++;
    share.organization.inUse++;
  }

  vacate(share: WebhookShare<Item>): void {
    this.#inUse--;
    share.inUse--;
    share.organization.inUse--;
  }

  wait(share: WebhookShare<Item>, item: Item): void {
    share.waiting.append(item);
    const { organization } = share;
    if (share.turn.ring === null) organization.turns.append(share.turn);
    if (organization.turn.ring === null) this.#turns.append(organization.turn);
  }

  /** The item no longer waits. */
  forget(share: WebhookShare<Item>, item: Item): void {
    share.waiting.remove(item);
    if (share.waiting.oldest !== null) return;
    const { organization } = share;
    organization.turns.remove(share.turn);
    if (organization.turns.size === 0) this.#turns.remove(organization.turn);
  }

  /** Returns the next waiting item that may use a connection. It keeps waiting until `forget`. */
  next(): Item | null {
    for (let tries = this.#turns.size; tries > 0; tries--) {
      const organization = this.#turns.head;
      this.#turns.rotate();
      const item = organization === null ? null : this.#nextOf(organization);
      if (item !== null) return item;
    }
    return null;
  }

  /** Any waiting item. */
  get anyWaiting(): Item | null {
    return this.#turns.head?.turns.head?.waiting.oldest ?? null;
  }

  #nextOf(organization: OrganizationShare<Item>): Item | null {
    const headroom = this.#headroom(organization);
    if (headroom <= 0) return null;
    const { turns } = organization;
    for (let tries = turns.size; tries > 0; tries--) {
      const share = turns.head;
      turns.rotate();
      if (share !== null && share.inUse < headroom) return share.waiting.oldest;
    }
    return null;
  }

  /** How many connections one webhook of the organization may use now. */
  #headroom(organization: OrganizationShare<Item>): number {
    return this.#connections - this.#inUse - organization.inUse;
  }

  #add(organizationKey: number, webhookId: string): WebhookShare<Item> {
    if (this.#webhooks.size >= this.#pruneAt) this.#prune();
    let organization = this.#organizations.get(organizationKey);
    if (organization === undefined) {
      organization = new OrganizationShare();
      this.#organizations.set(organizationKey, organization);
    }
    const share = new WebhookShare(organization);
    this.#webhooks.set(webhookId, share);
    return share;
  }

  /** Drops unused shares. Repeated only at twice the remaining number, so that its cost per exchange stays constant. */
  #prune(): void {
    const used = new Set<OrganizationShare<Item>>();
    for (const [id, share] of this.#webhooks) {
      if (share.inUse > 0 || share.waiting.oldest !== null) used.add(share.organization);
      else this.#webhooks.delete(id);
    }
    for (const [key, organization] of this.#organizations) if (!used.has(organization)) this.#organizations.delete(key);
    this.#pruneAt = Math.max(MAX_IDLE_SHARES, this.#webhooks.size * 2);
  }
}

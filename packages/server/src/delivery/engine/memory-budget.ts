/** Limits for the deliveries that are queued, in flight or being recorded, and for the bodies of their events. */
export interface MemoryLimits {
  readonly deliveries: number;
  readonly deliveriesOfOrganization: number;
  /** Event bodies, in bytes. */
  readonly bytes: number;
  readonly bytesOfOrganization: number;
}

/**
 * Above what the dispatcher queues hold (80,000; 20,000 of one organization), so that room always becomes free: the
 * rest is on its way to the database. A delivery takes about 700 bytes until it is recorded.
 */
export const DEFAULT_MEMORY_LIMITS: MemoryLimits = {
  deliveries: 100_000,
  deliveriesOfOrganization: 30_000,
  bytes: 256 * 1024 * 1024,
  bytesOfOrganization: 128 * 1024 * 1024,
};

/** What one organization has in memory. */
export interface OrganizationUse {
  deliveries: number;
  bytes: number;
}

/** Unused entries are removed in bulk at this size: they come and go thousands of times a second. */
const PURGE_AT = 10_000;

/** Counts deliveries and bytes in memory, in total and by organization. An event counts with all its deliveries. */
export class MemoryBudget {
  readonly #limits: MemoryLimits;
  #uses = new Map<number, OrganizationUse>();
  #purgeAt = PURGE_AT;
  #deliveries = 0;
  #bytes = 0;

  constructor(limits: Partial<MemoryLimits> = {}) {
    this.#limits = { ...DEFAULT_MEMORY_LIMITS, ...limits };
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  get bytes(): number {
    return this.#bytes;
  }

  of(organizationKey: number): OrganizationUse {
    const known = this.#uses.get(organizationKey);
    if (known) return known;
    if (this.#uses.size >= this.#purgeAt) this.#purge();
    const use = { deliveries: 0, bytes: 0 };
    this.#uses.set(organizationKey, use);
    return use;
  }

  /**
   * Whether there is room for an event. An organization with nothing in memory gets one in even if the others have used
   * all of it, or if that event alone exceeds its share.
   */
  admits(use: OrganizationUse, deliveries: number, bytes: number): boolean {
    const { deliveries: all, bytes: allBytes } = this.#limits;
    if (use.deliveries === 0) return this.#deliveries < 2 * all && this.#bytes < 2 * allBytes;
    return this.fits(use, deliveries, bytes);
  }

  /** Whether these deliveries and bytes fit within all limits. */
  fits(use: OrganizationUse, deliveries: number, bytes: number): boolean {
    const limits = this.#limits;
    if (use.deliveries + deliveries > limits.deliveriesOfOrganization || use.bytes + bytes > limits.bytesOfOrganization) return false;
    return this.#deliveries + deliveries <= limits.deliveries && this.#bytes + bytes <= limits.bytes;
  }

  /** Whether bodies take so much memory that fresh deliveries should be spilled to the database. */
  isFull(use: OrganizationUse | null): boolean {
    return (use !== null && use.bytes * 2 > this.#limits.bytesOfOrganization) || this.#bytes * 2 > this.#limits.bytes;
  }

  take(use: OrganizationUse, deliveries: number, bytes: number): void {
    use.deliveries += deliveries;
    use.bytes += bytes;
    this.#deliveries += deliveries;
    this.#bytes += bytes;
  }

  give(use: OrganizationUse, deliveries: number, bytes: number): void {
    this.take(use, -deliveries, -bytes);
  }

  #purge(): void {
    this.#uses = new Map([...this.#uses].filter(([, use]) => use.deliveries > 0));
    this.#purgeAt = Math.max(PURGE_AT, this.#uses.size * 2);
  }
}

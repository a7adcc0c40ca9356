/** Limits on the memory and time that request bodies may take, from the first byte until the body is parsed. */
export interface BodyLimits {
  /** For all requests together. */
  readonly maxBytes: number;
  /** For one holder: an organization, or an IP address whose organization is not known yet. */
  readonly maxBytesPerHolder: number;
  /** The part of `maxBytes` that is reserved for light holders. */
  readonly bytesForLightHolders: number;
  /** The most bytes that a light holder may hold. */
  readonly maxBytesOfLightHolder: number;
  /** How long a body of any size may take to arrive. */
  readonly baseTimeoutMs: number;
  /** Adds time for large bodies. */
  readonly minBytesPerSecond: number;
}

const MIB = 1024 * 1024;

const BODY_LIMITS: BodyLimits = {
  maxBytes: 128 * MIB,
  maxBytesPerHolder: 64 * MIB,
  bytesForLightHolders: 32 * MIB,
  maxBytesOfLightHolder: 2 * MIB,
  baseTimeoutMs: 20_000,
  minBytesPerSecond: 256 * 1024,
};

/** An organization's internal key, or the rate limiter's name for an IP address. */
export type Holder = number | string;

interface Account {
  bytes: number;
}

/** Above this number of accounts, those that hold nothing are dropped. */
const KEPT_ACCOUNTS = 1_000;

/**
 * Reserves memory for request bodies before they arrive: sixty connections one byte short of 8 MiB took 445 MB.
 * No holder can take all of it: a part is reserved for light holders.
 */
export class BodyBudget {
  readonly #limits: BodyLimits;
  readonly #accounts = new Map<Holder, Account>();
  #bytes = 0;

  constructor(limits: Partial<BodyLimits> = {}) {
    this.#limits = { ...BODY_LIMITS, ...limits };
  }

  /** The bytes reserved now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns how long a body of this size may take, from first byte to last. */
  timeoutMs(bytes: number): number {
    const { baseTimeoutMs, minBytesPerSecond } = this.#limits;
    return baseTimeoutMs + (bytes / minBytesPerSecond) * 1_000;
  }

  /** Opens an empty reservation. It must grow before the body does. */
  open(holder: Holder): BodyReservation {
    let account = this.#accounts.get(holder);
    if (!account) {
      if (this.#accounts.size >= KEPT_ACCOUNTS) this.#dropEmpty();
      account = { bytes: 0 };
      this.#accounts.set(holder, account);
    }
    return new BodyReservation(this.#take, account);
  }

  readonly #take = (account: Account, bytes: number): boolean => {
    const { maxBytes, maxBytesPerHolder, bytesForLightHolders, maxBytesOfLightHolder } = this.#limits;
    const after = account.bytes + bytes;
    const room = after <= maxBytesOfLightHolder ? maxBytes : maxBytes - bytesForLightHolders;
    if (bytes > 0 && (after > maxBytesPerHolder || this.#bytes + bytes > room)) return false;
    account.bytes = after;
    this.#bytes += bytes;
    return true;
  };

  #dropEmpty(): void {
    for (const [holder, { bytes }] of this.#accounts) if (bytes === 0) this.#accounts.delete(holder);
  }
}

type Take = (account: Account, bytes: number) => boolean;

/** The bytes reserved for one body. */
export class BodyReservation {
  readonly #take: Take;
  readonly #account: Account;
  #bytes = 0;

  constructor(take: Take, account: Account) {
    this.#take = take;
    this.#account = account;
  }

  /** Grows the reservation to a size. Returns false, and changes nothing, if there is no room. */
  growTo(size: number): boolean {
    if (size <= this.#bytes) return true;
    if (!this.#take(this.#account, size - this.#bytes)) return false;
    this.#bytes = size;
    return true;
  }

  /** Releases all bytes. A second call does nothing. */
  release(): void {
    this.#take(this.#account, -this.#bytes);
    this.#bytes = 0;
  }
}

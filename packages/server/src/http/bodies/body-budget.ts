/** How many bytes of request bodies are held at once, from the first byte until the body is parsed, and for how long. */
export interface BodyLimits {
  /** Of all requests together. */
  readonly maxBytes: number;
  /** Of one holder: an organization, or an address that has not named one. */
  readonly maxBytesPerHolder: number;
  /** The last bytes of `maxBytes` are kept for light holders. */
  readonly bytesForLightHolders: number;
  /** A holder is light up to here. */
  readonly maxBytesOfLightHolder: number;
  /** How long any body may take to arrive. */
  readonly baseTimeoutMs: number;
  /** What a large body may take beyond that. */
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

/** An organization's key, or the name of an address. */
export type Holder = number | string;

interface Account {
  bytes: number;
}

/** Holders that hold nothing are dropped when there are more than this. */
const KEPT_ACCOUNTS = 1_000;

/**
 * Counts the bytes of request bodies before they arrive. Sixty connections one byte short of 8 MiB took 445 MB.
 * No holder can take it all: the last part is for those who hold little.
 */
export class BodyBudget {
  readonly #limits: BodyLimits;
  readonly #accounts = new Map<Holder, Account>();
  #bytes = 0;

  constructor(limits: Partial<BodyLimits> = {}) {
    this.#limits = { ...BODY_LIMITS, ...limits };
  }

  /** Reserved now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How long a body of so many bytes may take. One that drips ends too. */
  timeoutMs(bytes: number): number {
    const { baseTimeoutMs, minBytesPerSecond } = this.#limits;
    return baseTimeoutMs + (bytes / minBytesPerSecond) * 1_000;
  }

  /** Opens a reservation of nothing; it grows before its body does. */
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

/** The bytes that one body may take. */
export class BodyReservation {
  readonly #take: Take;
  readonly #account: Account;
  #bytes = 0;

  constructor(take: Take, account: Account) {
    this.#take = take;
    this.#account = account;
  }

  /** Reserves bytes up to a size. Returns false if there is no room; what was reserved before stays. */
  growTo(size: number): boolean {
    if (size <= this.#bytes) return true;
    if (!this.#take(this.#account, size - this.#bytes)) return false;
    this.#bytes = size;
    return true;
  }

  /** Gives everything back. A second call does nothing. */
  release(): void {
    this.#take(this.#account, -this.#bytes);
    this.#bytes = 0;
  }
}

/** A tenant. `key` is the short internal number that tables carry; `id` is what callers say. */
export interface Organization {
  readonly key: number;
  readonly id: string;
  readonly name: string;
  readonly product: string;
  readonly timeZone: string | null;
  readonly inbound: boolean;
  /** Where notices about its webhooks go; null: nobody is written to. */
  readonly contactEmail: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A webhook's secret with its overlap: after `expiresAt` it no longer signs. */
export interface WebhookSecret {
  readonly secret: string;
  /** null: the current one. */
  readonly expiresAt: Date | null;
}

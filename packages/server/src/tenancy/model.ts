import type { OrganizationRow } from '../store/tenants.ts';

/** A tenant. `key` is the short internal number used in tables; `id` is the id that callers use. */
export interface Organization {
  readonly key: number;
  readonly id: string;
  readonly name: string;
  readonly product: string;
  readonly timeZone: string | null;
  readonly inbound: boolean;
  /** The address for notices about its webhooks; null: no mails. */
  readonly contactEmail: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The organization of a row. `product`: the name of the product that it uses. */
export function organizationOf(row: OrganizationRow, product = row.product): Organization {
  return {
    key: row.key,
    id: row.id,
    name: row.name,
    product,
    timeZone: row.time_zone,
    inbound: row.inbound,
    contactEmail: row.contact_email,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A webhook's signing secret. It is used until `expiresAt`. */
export interface WebhookSecret {
  readonly secret: string;
  /** null: it is the current secret. */
  readonly expiresAt: Date | null;
}

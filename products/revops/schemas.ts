import { z } from 'zod';

/** Money as text, so that nothing is rounded. Currency and precision are separate. A draft may have no price. */
const money = z.string().nullable();
const precision = z.union([z.number().int(), z.string()]).nullable();
const text = z.string().nullable();

const contact = z.looseObject({
  name: text.optional(),
  email: text.optional(),
  address: text.optional(),
  city: text.optional(),
  state: text.optional(),
  postal_code: text.optional(),
  country: text.optional(),
});

const featureFlag = z.looseObject({ name: z.string(), enabled: z.boolean() });

const sku = z.looseObject({
  id: z.string(),
  title: z.string().optional(),
  quantity: z.number().optional(),
  unit_name: text.optional(),
  billing_schedule: text.optional(),
  monthly_price: money.optional(),
  monthly_price_currency: text.optional(),
  annual_price: money.optional(),
  annual_price_currency: text.optional(),
  product_id: text.optional(),
  pricebook_id: text.optional(),
});

const party = z.looseObject({ name: text.optional(), email: text.optional(), signed: z.boolean() });

const term = z.looseObject({ id: z.string(), friendly_name: text.optional(), description: text.optional(), value: text.optional() });

/** A deal. Only its id and status are required. Other columns are accepted too. */
export const deal = z.looseObject({
  id: z.string(),
  status: z.string(),
  contract_activates_date: text.optional(),
  customer: z.looseObject({}).nullable().optional(),
  net_price: money.optional(),
  net_price_currency: text.optional(),
  net_price_precision: precision.optional(),
  original_net_price: money.optional(),
  original_net_price_currency: text.optional(),
  original_net_price_precision: precision.optional(),
  opportunity_id: text.optional(),
  hubspot_deal_id: text.optional(),
  signed_contract_url: text.optional(),
  account_id: text.optional(),
  billing_contact: contact.nullable().optional(),
  lead_contact: contact.nullable().optional(),
  feature_flags: z.array(featureFlag).optional(),
  skus: z.array(sku).optional(),
  terms: z.array(term).optional(),
  /** The parties that must sign. */
  parties: z.array(party).optional(),
});

/** An account. */
export const account = z.looseObject({
  account_id: z.string(),
  status: z.string(),
  name: text.optional(),
  email: text.optional(),
  blocked: z.boolean().optional(),
  parent_account_id: text.optional(),
});

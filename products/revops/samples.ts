import type { z } from 'zod';
import type { account, deal } from './schemas.ts';

/** A signed deal. */
export const signedDeal: z.input<typeof deal> = {
  id: '0f8b7c1e-3d55-4f0a-9d7e-5d1f3c0a9b21',
  status: 'signed',
  contract_activates_date: '2019-07-15T00:00:00Z',
  customer: { legal_name: 'Pigeon Labs, Inc.' },
  net_price: '11400.00',
  net_price_currency: 'USD',
  net_price_precision: 2,
  original_net_price: '12000.00',
  original_net_price_currency: 'USD',
  original_net_price_precision: 2,
  opportunity_id: '0061a00000ABCDEAA4',
  hubspot_deal_id: null,
  signed_contract_url: 'https://files.revops.example/contracts/0f8b7c1e.pdf',
  account_id: 'pigeon-001',
  billing_contact: {
    name: 'Jane Roe',
    email: 'jane@pigeon.example',
    address: '123 Test Street',
    city: 'San Francisco',
    state: 'CA',
    postal_code: '94105',
    country: 'USA',
  },
  lead_contact: { name: 'Sam Lead', email: 'sam@pigeon.example' },
  feature_flags: [
    { name: 'sso', enabled: true },
    { name: 'audit_log', enabled: false },
  ],
  skus: [
    {
      id: 'plan-ent',
      title: 'Enterprise Plan',
      quantity: 10,
      unit_name: 'seat',
      billing_schedule: 'annual',
      monthly_price: '95.00',
      monthly_price_currency: 'USD',
      annual_price: '1140.00',
      annual_price_currency: 'USD',
      product_id: '01t1a000000AAAA',
      pricebook_id: '01s1a000000BBBB',
    },
  ],
  terms: [{ id: 'net-payment', friendly_name: 'Payment terms', description: 'Invoices are due within 30 days.', value: '30' }],
};

/** An active account. */
export const activeAccount: z.input<typeof account> = {
  account_id: 'pigeon-001',
  blocked: false,
  email: 'billing@pigeon.example',
  name: 'Pigeon Labs',
  parent_account_id: null,
  status: 'active',
};

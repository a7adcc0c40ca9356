import { and, defineProduct, every, everyItem, field, hmacSignature, not, once, or, present, standardWebhooks } from '@posthorn/sdk';
import { eventOf } from './curl-shape.ts';
import { activeAccount, signedDeal } from './samples.ts';
import { account, deal } from './schemas.ts';

/** True if every party has signed, or if a deal without parties has the status `signed`. */
const signedByAll = or(everyItem('parties', field('signed', true)), and(not(present('parties')), field('status', 'signed')));

/**
 * RevOps: deal and account events. The body is `{event: {id, time, type}, deal | account}`. A delivery succeeds with
 * status 200 and a phrase in the response; otherwise it is retried every hour.
 */
export const revops = defineProduct({
  name: 'revops',
  title: 'RevOps',
  events: {
    'deal-created': {
      group: 'Deals',
      description: 'A deal was first saved or sent to Deal Desk. Sent once per deal.',
      schema: deal,
      sample: { ...signedDeal, status: 'draft', signed_contract_url: null },
    },
    'deal-updated': {
      group: 'Deals',
      description: 'A deal was edited or changed its status.',
      schema: deal,
      sample: { ...signedDeal, status: 'in-review', signed_contract_url: null },
    },
    'deal-signed': { group: 'Deals', description: 'All parties have signed. Sent once per deal.', schema: deal, sample: signedDeal },
    'deal-active': {
      group: 'Deals',
      description: 'The customer was activated for billing.',
      schema: deal,
      sample: { ...signedDeal, status: 'active' },
    },
    'account-created': {
      group: 'Accounts',
      description: 'An account was created, often as a draft.',
      schema: account,
      sample: { ...activeAccount, status: 'draft' },
    },
    'account-updated': { group: 'Accounts', description: 'A property of an account changed.', schema: account, sample: activeAccount },
    'account-deleted': {
      group: 'Accounts',
      description: 'An account was deprovisioned.',
      schema: account,
      sample: { ...activeAccount, status: 'deleted' },
    },
  },
  objects: {
    deal: {
      schema: deal,
      sample: signedDeal,
      created: once('deal-created'),
      updated: 'deal-updated',
      enters: { status: { active: 'deal-active' } },
      when: [{ becomes: signedByAll, event: once('deal-signed') }],
    },
    account: {
      schema: account,
      sample: activeAccount,
      created: 'account-created',
      updated: 'account-updated',
      deleted: 'account-deleted',
      data: ({ state, deleted }) => (deleted ? { ...state, status: 'deleted' } : state),
    },
  },
  context: (type, { id, account_id: accountId }) =>
    type.startsWith('deal-') ? { subject: { kind: 'deal', id: id as string } } : { subject: { kind: 'account', id: accountId as string } },
  accepts: eventOf,
  envelope: ({ id, time, type, data }) => ({
    event: { id, time: String(Math.floor(time.getTime() / 1_000)), type },
    [type.startsWith('account-') ? 'account' : 'deal']: data,
  }),
  delivery: {
    methods: ['POST', 'GET'],
    url: 'https',
    success: { status: [200], bodyContains: 'RevOps API Event Received' },
    timeoutMs: 30_000,
    retry: every('1h', 5),
    disableAfterMs: null,
    headers: { accept: 'application/json' },
    signatures: [standardWebhooks(), hmacSignature({ header: 'X-RevOps-Content-Hmac', algorithm: 'sha256', encoding: 'hex' })],
  },
});

import { defaultEnvelope, defineProduct } from '@posthorn/sdk';

/** Any events and objects, in the Standard Webhooks envelope, with the default policy. */
export const generic = defineProduct({
  name: 'generic',
  title: 'Generic',
  anyEvent: true,
  anyObject: true,
  events: {},
  envelope: defaultEnvelope,
  ping: { type: 'ping', data: ({ webhook }) => ({ webhook: { ...webhook, events: [...webhook.events] } }) },
});

import { defaultEnvelope, defineProduct } from '@posthorn/sdk';

/** Accepts any events and objects, with the Standard Webhooks envelope and the default policy. */
export const generic = defineProduct({
  name: 'generic',
  title: 'Generic',
  anyEvent: true,
  anyObject: true,
  events: {},
  envelope: defaultEnvelope,
  ping: { type: 'ping', data: ({ webhook }) => ({ webhook: { ...webhook, events: [...webhook.events] } }) },
});

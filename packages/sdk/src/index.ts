export { defineProduct, type EventData, type EventName, type TypedProduct } from './define-product.ts';
export { delays, duration, every, hmacSignature, NO_RETRY, standardWebhooks } from '@posthorn/protocol';
export type * from '@posthorn/protocol';

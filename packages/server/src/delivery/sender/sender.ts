export type { Exchange, OutgoingRequest, ReceivedResponse } from './exchange.ts';

import type { Packet } from './packet.ts';

/** The options that the thread is started with. */
export interface ThreadOptions {
  /** In the format of `parseTargets`. */
  readonly allowedTargets: string;
  readonly connectionsPerOrigin: number;
}

/** Requests to send, or a request to close. */
export type ToThread = { readonly kind: 'requests'; readonly packet: Packet } | { readonly kind: 'close'; readonly deadlineMs: number };

/** Exchanges that have ended, or the confirmation that the sender is closed. */
export type FromThread = { readonly kind: 'exchanges'; readonly packet: Packet } | { readonly kind: 'closed' };

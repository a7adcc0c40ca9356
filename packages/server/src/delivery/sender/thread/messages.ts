import type { Packet } from './packet.ts';

/** What the thread is started with. */
export interface ThreadOptions {
  /** As `parseTargets` reads them. */
  readonly allowedTargets: string;
  readonly connectionsPerOrigin: number;
}

/** Requests to send; or the order to close. */
export type ToThread = { readonly kind: 'requests'; readonly packet: Packet } | { readonly kind: 'close'; readonly deadlineMs: number };

/** Exchanges that have ended; or the last word. */
export type FromThread = { readonly kind: 'exchanges'; readonly packet: Packet } | { readonly kind: 'closed' };

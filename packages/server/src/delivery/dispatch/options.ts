/** When a webhook's breaker opens and how it is probed. Times are in milliseconds. */
export interface BreakerOptions {
  /** Consecutive failures that open the breaker… */
  readonly failures: number;
  /** …if they happened within this time. A slow retry plan alone never opens it. */
  readonly withinMs: number;
  /** Time from opening to the first probe. */
  readonly firstProbeMs: number;
  /** Each failed probe doubles the wait, up to this. */
  readonly maxProbeMs: number;
  /** While fresh jobs arrive, the wait after a failed probe is at most this. */
  readonly freshProbeMs: number;
}

export interface DispatcherOptions {
  /** Exchanges in flight with fast webhooks. */
  readonly fastSlots: number;
  /**
   * Exchanges that may be started with slow webhooks. Up to `fastSlots` more are added by exchanges that turn out slow
   * while in flight.
   */
  readonly slowSlots: number;
  /** The part of a pool's slots that one webhook may use while others wait. */
  readonly webhookShare: number;
  /** The part of a pool's slots, and of the queues, that one organization may use while others wait. */
  readonly organizationShare: number;
  /** Jobs queued per webhook. */
  readonly queuePerWebhook: number;
  /**
   * Jobs queued in total before the limit per webhook shrinks. Twice this is never exceeded. The same applies to an
   * organization and its share.
   */
  readonly queueTotal: number;
  /** Initial window: the exchanges that a webhook may have in flight before anything is known about it. */
  readonly windowStart: number;
  readonly windowMax: number;
  /** A webhook with a higher mean latency is slow, and so is an exchange that lasts longer. */
  readonly slowAfterMs: number;
  /** Every n-th turn goes to a retry first, so that fresh work cannot starve retries. */
  readonly retryEvery: number;
  /**
   * Idle webhooks whose window and latency are kept, about 500 bytes each. Creating a lane for every job of 100,000
   * webhooks took half of the dispatcher's time, mostly garbage collection.
   */
  readonly rememberedLanes: number;
  readonly breaker: BreakerOptions;
  /**
   * Probes queued or in flight, in total; an organization may use `organizationShare` of them. A probe of a hanging
   * endpoint keeps its slot until the deadline.
   */
  readonly probes: number;
  /** A webhook that asks for a longer pause has its queue spilled, and is then tried with a single probe. */
  readonly parkAfterMs: number;
}

export const DEFAULT_DISPATCHER_OPTIONS: DispatcherOptions = {
  fastSlots: 1024,
  slowSlots: 2048,
  webhookShare: 0.1,
  organizationShare: 0.25,
  queuePerWebhook: 4000,
  queueTotal: 40_000,
  windowStart: 8,
  windowMax: 256,
  slowAfterMs: 1000,
  retryEvery: 8,
  rememberedLanes: 100_000,
  probes: 512,
  parkAfterMs: 5_000,
  breaker: { failures: 10, withinMs: 60_000, firstProbeMs: 1000, maxProbeMs: 300_000, freshProbeMs: 4_500 },
};

/** When a webhook's breaker opens and how it is probed. Times in milliseconds. */
export interface BreakerOptions {
  /** Consecutive failures that open it… */
  readonly failures: number;
  /** …if the last so many of them fell within this time. A slow retry plan alone never opens it. */
  readonly withinMs: number;
  /** From opening to the first probe. */
  readonly firstProbeMs: number;
  /** Each failed probe doubles the wait, up to this. */
  readonly maxProbeMs: number;
  /** While fresh jobs come, the wait after a failed probe is no longer than this. */
  readonly freshProbeMs: number;
}

export interface DispatcherOptions {
  /** Exchanges in flight with webhooks that answer fast. */
  readonly fastSlots: number;
  /** Exchanges that may be started with webhooks known to be slow. What turns out slow while in flight comes on top, up to `fastSlots` more. */
  readonly slowSlots: number;
  /** Part of a pool's slots that one webhook gets while others wait. */
  readonly webhookShare: number;
  /** Part of a pool's slots that one organization gets while others wait; and of the queues. */
  readonly organizationShare: number;
  /** Jobs queued per webhook. */
  readonly queuePerWebhook: number;
  /** Jobs queued in all before the bound per webhook shrinks; twice this is never passed. The same holds for an organization and its share of it. */
  readonly queueTotal: number;
  /** Exchanges that a webhook nothing is known of may have in flight. */
  readonly windowStart: number;
  readonly windowMax: number;
  /** A webhook whose answers take longer than this on average is slow, and so is an exchange that has lasted longer. */
  readonly slowAfterMs: number;
  /** Every so many turns go to a retry first, so that fresh work cannot starve retries. */
  readonly retryEvery: number;
  /**
   * Idle webhooks whose window and latency are kept, some 500 bytes each. Making a lane anew for every job of 100,000
   * webhooks took half of the dispatcher's time, most of it in the garbage collector.
   */
  readonly rememberedLanes: number;
  readonly breaker: BreakerOptions;
  /** Probes queued or in flight; an organization has `organizationShare` of them. Endpoints that hang keep a slot until the deadline. */
  readonly probes: number;
  /** A webhook that asks to be left alone for longer than this has its queue parked, and is then tried with a single probe. */
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

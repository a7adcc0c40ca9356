import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { JobKind, OfferResult } from '../dispatch/offer.ts';
import type { Job } from './job.ts';
import { laneOf } from './settlement.ts';

/** Offers a job to its webhook's queue. If the breaker is open, the job may become the probe. */
export function queueJob(
  dispatcher: Dispatcher<Job>,
  job: Job,
  asked: { webhook: ResolvedWebhook; kind: JobKind; now: number },
): OfferResult {
  const { webhook, kind, now } = asked;
  const { orderKey } = job;
  const lane = laneOf(job, webhook);
  const offered = dispatcher.offer(lane, job, { kind, orderKey });
  if (offered !== 'open' || kind === 'probe' || !dispatcher.admitsProbe(webhook.id, kind, now)) return offered;
  return dispatcher.offer(lane, job, { kind: 'probe', orderKey });
}

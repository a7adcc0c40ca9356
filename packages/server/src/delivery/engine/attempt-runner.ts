import { isoTime, type Failure } from '@posthorn/protocol';
import type { Logger } from 'pino';
import { maskBody, maskRequestHeaders, maskResponseHeaders, maskText, NO_MASK, type AttemptMask } from '../../sealing/attempt-mask.ts';
import { encodeAttempt, type StoredAttempt } from '../../store/attempt-record.ts';
import type { Settlement } from '../../store/settle.ts';
import { newId, timeOfId } from '../../ids/uuid-time.ts';
import type { ResolvedWebhook } from '../../tenancy/resolve-webhook.ts';
import type { Slot } from '../dispatch/dispatcher.ts';
import type { Outcome } from '../dispatch/offer.ts';
import { nextAttempt } from '../rules/retry-plan.ts';
import { retryAfterMs } from '../rules/retry-after.ts';
import { judge, type Verdict } from '../rules/verdict.ts';
import { decodeBody } from '../sender/decode-body.ts';
import type { Exchange, OutgoingRequest, Sender } from '../sender/exchange.ts';
import { composeRequest } from './compose-request.ts';
import type { Job } from './job.ts';
import { settlementOf } from './settlement.ts';
import type { FailureReason, WebhookHealth } from './webhook-health.ts';

export interface AttemptRunnerOptions {
  readonly sender: Sender;
  readonly health: WebhookHealth;
  readonly log: Logger;
  readonly now: () => number;
  readonly random: () => number;
  readonly onEnd: (ended: EndedAttempt) => void;
  /** Called when no connection was free and nothing was sent. */
  readonly onUnsent: (begun: Begun) => void;
}

export interface Begun {
  readonly job: Job;
  readonly slot: Slot<Job>;
  readonly webhook: ResolvedWebhook;
}

export interface EndedAttempt {
  readonly job: Job;
  readonly slot: Slot<Job>;
  readonly outcome: Outcome;
  readonly settlement: Settlement;
  /** Called when the settlement is recorded, so that a replay finds the delivery; null: nothing to do. */
  readonly onRecorded: (() => void) | null;
}

interface Conclusion {
  /** The time of the next attempt; null: there is none. */
  readonly next: number | null;
  /** Why the webhook must be marked failed; null: it must not. */
  readonly failWebhook: FailureReason | null;
}

interface Sent {
  readonly startedAt: number;
  readonly request: OutgoingRequest;
  readonly mask: AttemptMask;
  readonly exchange: Exchange;
}

const NOTHING_FOLLOWS: Conclusion = { next: null, failWebhook: null };

/** How much of a response body is searched for the success phrase. */
const READ_BODY_BYTES = 64 * 1024;
/** How much of a response body is stored. */
const KEPT_BODY_BYTES = 16 * 1024;

/** Runs delivery attempts: composes, signs and sends the request, and judges the response. */
export class AttemptRunner {
  readonly #options: AttemptRunnerOptions;

  constructor(options: AttemptRunnerOptions) {
    this.#options = options;
  }

  begin(begun: Begun): void {
    const startedAt = this.#options.now();
    begun.job.shard.inFlight++;
    const request = this.#compose(begun, startedAt);
    if (!request) return;
    // The webhook may change before the response arrives: the mask must match what was sent.
    const { mask } = begun.webhook;
    void this.#options.sender.send(request).then((exchange) => {
      if (exchange === null) return this.#returnUnsent(begun);
      const decoded = begun.webhook.success.bodyContains === null ? null : decodeBody(exchange, READ_BODY_BYTES);
      if (decoded instanceof Promise)
        return decoded.then((body) => this.#end(begun, { startedAt, request, mask, exchange, decoded: body }));
      return this.#end(begun, { startedAt, request, mask, exchange, decoded });
    });
  }

  #returnUnsent(begun: Begun): void {
    begun.job.shard.inFlight--;
    this.#options.onUnsent(begun);
  }

  /** Returns null if the request can't be composed, e.g. without the key that sealed the secret: the attempt fails. */
  #compose(begun: Begun, startedAt: number): OutgoingRequest | null {
    const { webhook, job } = begun;
    try {
      return composeRequest(job.event, webhook, startedAt);
    } catch (error) {
      this.#options.log.error({ err: error, webhook: webhook.id }, 'Failed to compose a delivery request');
      const failure: Failure = {
        code: 'not_sent',
        message: 'The server could not compose the request. The reason is in the server log.',
      };
      const { url, method, id: webhookId } = webhook;
      const { organizationKey } = job.event;
      const request: OutgoingRequest = { url, method, headers: [], body: null, timeoutMs: 0, organizationKey, webhookId };
      const exchange: Exchange = { durationMs: 0, response: null, failure };
      // Deferred, because the caller is still iterating over its queue.
      setImmediate(() => this.#end(begun, { startedAt, request, mask: NO_MASK, exchange, decoded: null }));
      return null;
    }
  }

  #end(begun: Begun, sent: Sent & { decoded: Buffer | null }): void {
    const { job, slot, webhook } = begun;
    const { exchange } = sent;
    job.shard.inFlight--;
    const verdict = judge(exchange, webhook.success, () => sent.decoded);
    const asked =
      verdict.kind === 'failure' && exchange.response
        ? retryAfterMs(headerOf(exchange.response.headers, 'retry-after'), this.#options.now())
        : null;
    const { next, failWebhook } = this.#conclude(begun, verdict, asked);
    const attempt = attemptOf(job, sent, { failure: verdict.kind === 'failure' ? verdict.failure : null, next });
    const kind = verdict.kind === 'success' ? 'success' : verdict.overload ? 'overload' : 'failure';
    const settlement = settlementOf(job, {
      status: verdict.kind === 'success' ? 'delivered' : next === null ? 'failed' : 'retrying',
      waiting: next === null ? null : { reason: 'retry', dueAt: new Date(next), scheduledAt: new Date(this.#options.now()) },
      attempt: encodeAttempt(attempt),
      // A delivery without retries cannot exhaust them.
      exhausted: verdict.kind === 'failure' && next === null && job.attemptCount > 0 && !job.event.test,
    });
    // Retry-After of an overloaded endpoint pauses all its deliveries; after other failures it delays this one only.
    const outcome = {
      kind,
      durationMs: exchange.durationMs,
      final: next === null,
      retryAfterMs: kind === 'overload' ? asked : null,
    } as const;
    const onRecorded = failWebhook && (() => void this.#options.health.markFailed(webhook, failWebhook));
    this.#options.onEnd({ job, slot, outcome, settlement, onRecorded });
  }

  /** Decides whether to retry, and counts the outcome for the webhook's health. */
  #conclude({ job, webhook }: Begun, verdict: Verdict, askedMs: number | null): Conclusion {
    const { health, now, random } = this.#options;
    if (verdict.kind === 'success') {
      if (!job.event.test) health.succeeded(webhook, job.shard);
      return NOTHING_FOLLOWS;
    }
    // A test delivery is not retried, and doesn't count for the webhook's health.
    if (job.event.test) return NOTHING_FOLLOWS;
    const failedAttempts = job.attemptCount + 1;
    const next = verdict.gone ? null : nextAttempt({ plan: webhook.retry, failedAttempts, retryAfterMs: askedMs, now: now(), random });
    const lasting = health.failed(webhook, job.shard, next === null ? timeOfId(job.event.id) : null);
    if (verdict.gone) {
      return { next, failWebhook: { notice: 'webhook.disabled', reason: 'The endpoint responded with 410 Gone.', failingSince: null } };
    }
    if (next === null && webhook.whenExhausted === 'fail-webhook') {
      const reason = `A delivery failed after ${failedAttempts} attempts: ${verdict.failure.message}`;
      return { next, failWebhook: { notice: 'webhook.failed', reason, failingSince: null } };
    }
    return { next, failWebhook: lasting };
  }
}

function headerOf(headers: readonly (readonly [string, string])[], wanted: string): string | null {
  for (const [name, value] of headers) if (name.toLowerCase() === wanted) return value;
  return null;
}

function attemptOf(job: Job, sent: Sent, result: { failure: Failure | null; next: number | null }): StoredAttempt {
  const { startedAt, request, exchange, mask } = sent;
  const { response } = exchange;
  return {
    id: newId(),
    number: job.attemptCount + 1,
    at: isoTime(startedAt),
    durationMs: exchange.durationMs,
    request: { url: request.url, method: request.method, headers: maskRequestHeaders(request.headers, mask) },
    response: response && {
      status: response.status,
      headers: maskResponseHeaders(response.headers, mask),
      body: maskBody(response.body, KEPT_BODY_BYTES, mask),
      truncated: response.truncated || response.body.length > KEPT_BODY_BYTES,
    },
    failure: result.failure && { ...result.failure, message: maskText(result.failure.message, mask) },
    nextAttemptAt: result.next === null ? null : new Date(result.next).toISOString(),
  };
}

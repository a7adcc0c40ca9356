import { timingSafeEqual } from 'node:crypto';
import { ERRORS, PosthornError } from '@posthorn/protocol';
import type { InboundRequest } from '../store/inbound-log.ts';
import { hashKey } from '../sealing/keys.ts';
import { asStoreError } from '../errors/store-error.ts';
import { newId } from '../ids/uuid-time.ts';
import type { Directory } from '../tenancy/directory.ts';
import type { Tenant } from '../tenancy/tenant.ts';
import { WHOLE_SERVER, type Maintenance } from './maintenance.ts';
import { FailedAttempts } from '../network/failed-attempts.ts';
import { RateLimiter, sourceName, type Rate } from '../network/rate-limiter.ts';
import type { RequestLog } from './request-log.ts';
import { shownPayload } from './shown-payload.ts';
import type { HookKey, KnownTarget, TargetDirectory } from './target-directory.ts';
import type { AcceptedPost, TargetKind, TargetKinds } from './target-kind.ts';

/** A request to an inbound URL before its body is read. */
export interface Arrival {
  readonly kind: string;
  readonly publicId: string;
  readonly key: string;
  readonly method: string;
  readonly sourceIp: string;
  /** Whether it came over TLS, or over plain text where that is allowed. */
  readonly transportAllowed: boolean;
  readonly contentType: string | null;
}

/** An admitted request, whose body may be read. */
export interface Admitted {
  readonly arrival: Arrival;
  readonly tenant: Tenant;
  readonly target: KnownTarget;
  readonly kind: TargetKind;
  readonly hookId: string;
}

export interface ReceiverOptions {
  readonly directory: Pick<Directory, 'findByKey'>;
  readonly targets: TargetDirectory;
  readonly kinds: TargetKinds;
  readonly maintenance: Maintenance;
  readonly requests: RequestLog;
  readonly now: () => number;
  readonly log: { warn(details: object, message: string): void };
  readonly ratePerAddress: Rate;
  readonly ratePerTarget: Rate;
  /** Maximum number of posts that wait to be stored. Above it, requests get 503. */
  readonly maxQueued: number;
}

/** The HTTP method of every target. */
export const INBOUND_METHOD = 'POST';

/**
 * Handles requests to inbound URLs. Checks that don't need the body run first, in this order: 503, 405, 404, 401, 403,
 * 410, 429. Reading and checking the body follows: 408, 400.
 */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #addresses: RateLimiter;
  readonly #targets: RateLimiter;
  readonly #failed: FailedAttempts;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#addresses = new RateLimiter(options.ratePerAddress);
    this.#targets = new RateLimiter(options.ratePerTarget);
    this.#failed = new FailedAttempts(options);
  }

  /** Checks a request before its body is read. Logs rejections and returns them instead of throwing. */
  async admit(arrival: Arrival): Promise<Admitted | PosthornError> {
    const { maintenance, targets, directory, kinds } = this.#options;
    const whole = maintenance.of(WHOLE_SERVER);
    if (whole) return inMaintenance(whole.retryAfterSeconds);
    let target: KnownTarget | null;
    try {
      target = await targets.find(arrival.publicId);
      // The cache may not contain a new hook's key yet.
      if (!target || !this.#keyOf(target, arrival.key)) target = await targets.findFresh(arrival.publicId);
    } catch (error) {
      return asStoreError(error);
    }
    const tenant = target ? await directory.findByKey(target.organizationKey) : null;
    const kind = kinds.get(arrival.kind);
    if (!target || !tenant || !kind || target.kind !== arrival.kind) return this.#unknown(arrival);
    const hook = this.#keyOf(target, arrival.key);
    const refusal = this.#refusal({ arrival, tenant, target, kind, hook });
    if (refusal) {
      this.#log({ arrival, target, hookId: hook?.hookId ?? null }, { error: refusal });
      return refusal;
    }
    return { arrival, tenant, target, kind, hookId: hook?.hookId ?? '' };
  }

  /** Passes a body to its target. Returns rejections instead of throwing them. Logs the request in either case. */
  async apply(admitted: Admitted, { body, bytes }: { body: unknown; bytes: Uint8Array }): Promise<AcceptedPost | PosthornError> {
    const { tenant, target, kind, hookId } = admitted;
    const logEntry = (status: number): InboundRequest => logged(admitted, { status, bytes });
    const outcome = await kind
      .apply({ tenant, targetId: target.targetId, hookId, body, logEntry })
      .catch((error: unknown) => asStoreError(error));
    if (outcome instanceof PosthornError) this.refuse(admitted, outcome, bytes);
    else if (!outcome.logged) this.#options.requests.add(logEntry(outcome.status));
    return outcome;
  }

  /** Logs a request that was rejected after admission, for example because its body was incomplete or invalid. */
  refuse(admitted: Admitted, error: PosthornError, bytes: Uint8Array | null): void {
    this.#options.requests.add(logged(admitted, { status: ERRORS[error.code].status, error, bytes }));
  }

  #unknown({ method, sourceIp }: Arrival): PosthornError {
    if (method !== INBOUND_METHOD) return wrongMethod();
    return this.#failed.count(sourceIp, new PosthornError('not_found', 'There is no such target.'));
  }

  #refusal(found: Omit<Admitted, 'hookId'> & { readonly hook: HookKey | null }): PosthornError | null {
    const { arrival, tenant, target, kind, hook } = found;
    const { maintenance, maxQueued } = this.#options;
    const mode = maintenance.of(target.organizationKey);
    if (mode) return inMaintenance(mode.retryAfterSeconds);
    if (kind.queued() > maxQueued) {
      return new PosthornError('overloaded', 'Too many posts are waiting to be stored. Retry later.', { retryAfterSeconds: 1 });
    }
    if (arrival.method !== INBOUND_METHOD) return wrongMethod();
    if (target.state.state === 'missing') return new PosthornError('not_found', 'There is no such target.');
    if (!hook) return this.#failed.count(arrival.sourceIp, wrongKey());
    if (!hook.enabled || !tenant.organization.inbound || !arrival.transportAllowed) {
      return new PosthornError('inbound_prevented', 'Access is being prevented.');
    }
    if (target.state.state === 'deleted') return new PosthornError('gone', 'The target was deleted and accepts no more data.');
    return this.#overRate(arrival, target);
  }

  #overRate({ sourceIp }: Arrival, target: KnownTarget): PosthornError | null {
    const now = this.#options.now();
    const waitMs = this.#addresses.take(sourceName(sourceIp), now) || this.#targets.take(String(target.key), now);
    if (waitMs === 0) return null;
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
    return new PosthornError('rate_limited', 'Your address or the target has reached its rate limit.', { retryAfterSeconds });
  }

  /** Finds the hook of a key. Compares it with every key of the target in constant time, as hashes of equal length. */
  #keyOf({ keys }: KnownTarget, key: string): HookKey | null {
    const hashed = hashKey(key);
    const now = this.#options.now();
    let found: HookKey | null = null;
    for (const one of keys) {
      const equal = timingSafeEqual(one.hash, hashed);
      if (equal && (one.expiresAt === null || one.expiresAt > now)) found = one;
    }
    return found;
  }

  #log(refused: Parameters<typeof logged>[0], { error }: { error: PosthornError }): void {
    this.#options.requests.addLimited(logged(refused, { status: ERRORS[error.code].status, error, bytes: null }));
  }
}

function inMaintenance(retryAfterSeconds: number): PosthornError {
  return new PosthornError('maintenance', 'The service is temporarily unavailable.', { retryAfterSeconds });
}

function wrongKey(): PosthornError {
  return new PosthornError('inbound_key_wrong', 'The target was found, but the key in the URL is not valid.');
}

function wrongMethod(): PosthornError {
  return new PosthornError('method_not_allowed', `An inbound URL accepts only ${INBOUND_METHOD}.`);
}

const MAX_LOGGED_ERRORS = 20;
const MAX_CONTENT_TYPE = 200;

function logged(
  { arrival, target, hookId }: { arrival: Arrival; target: KnownTarget; hookId: string | null },
  { status, error, bytes }: { status: number; error?: PosthornError; bytes: Uint8Array | null },
): InboundRequest {
  return {
    id: newId(),
    organizationKey: target.organizationKey,
    targetKey: target.key,
    hookId,
    method: arrival.method,
    status,
    code: error?.code ?? null,
    errors: error && error.errors.length > 0 ? JSON.stringify(error.errors.slice(0, MAX_LOGGED_ERRORS)) : null,
    contentType: arrival.contentType?.slice(0, MAX_CONTENT_TYPE) ?? null,
    payload: bytes === null ? null : shownPayload(bytes, arrival.key),
    payloadBytes: bytes === null ? null : bytes.length,
    sourceIp: arrival.sourceIp,
  };
}

import { parseJson, PosthornError } from '@posthorn/protocol';
import type { Sealer } from '../sealing/sealer.ts';
import type { AlsoCommit, Database } from '../store/database.ts';
import {
  advanceIdempotent,
  beginIdempotent,
  endIdempotent,
  forgetIdempotent,
  freeIdempotent,
  type IdempotencyRow,
  type IdempotentWork as StoredWork,
} from '../store/idempotency-keys.ts';

export interface IdempotentRequestsOptions {
  readonly database: Database;
  readonly sealer: Sealer;
  readonly now: () => number;
}

/** A request with an `Idempotency-Key`. */
export interface KeyedRequest {
  /** Keys of different organizations are apart; 0: the operator. */
  readonly organizationKey: number;
  readonly key: string;
  /** Two requests with one key must have the same hash. */
  readonly requestHash: Buffer;
}

/** A response as it is stored. */
export interface KeptAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const KEEP_MS = 86_400_000;
const WORK_MS = 60_000;

/**
 * Stores the first response to a request with an `Idempotency-Key` for 24 hours
 * (draft-ietf-httpapi-idempotency-key-header). Responses are sealed, as some contain a secret that is shown once.
 */
export class IdempotentRequests {
  readonly #options: IdempotentRequestsOptions;

  constructor(options: IdempotentRequestsOptions) {
    this.#options = options;
  }

  /**
   * Starts a request, or returns the stored response if the key has one.
   * Throws `idempotency_mismatch` if the key belongs to another request, and `idempotency_in_flight` if that one is in progress.
   */
  async begin(request: KeyedRequest): Promise<IdempotentWork | KeptAnswer> {
    const { database, sealer, now } = this.#options;
    const startedAt = now();
    const place = `idempotency ${request.organizationKey} ${request.key}`;
    const start = await beginIdempotent(database, { ...request, now: startedAt, workMs: WORK_MS, keepMs: KEEP_MS });
    if (start.state === 'known') return keptAnswer(start.row, { request, open: (sealed) => sealer.open(sealed, place) });
    const progress = start.progress === null ? null : parseJson(sealer.open(start.progress, place));
    const work = { organizationKey: request.organizationKey, key: request.key, startedAt };
    return new IdempotentWork({ database, request, work, progress, seal: (text) => sealer.seal(text, place) });
  }

  /** Deletes stored responses that have expired. */
  forgetOld(): Promise<void> {
    return forgetIdempotent(this.#options.database, new Date(this.#options.now() - KEEP_MS));
  }
}

interface IdempotentWorkOptions {
  readonly database: Database;
  readonly request: KeyedRequest;
  readonly work: StoredWork;
  readonly progress: unknown;
  readonly seal: (text: string) => Buffer;
}

/** A request in progress that holds its `Idempotency-Key`. */
export class IdempotentWork {
  readonly request: KeyedRequest;
  /** What an earlier, failed try had committed; null if nothing, or if there was no earlier try. */
  readonly progress: unknown;
  readonly #options: IdempotentWorkOptions;
  /** The response that was committed with the change; null if none was. */
  #committed: string | null = null;

  constructor(options: IdempotentWorkOptions) {
    this.request = options.request;
    this.progress = options.progress;
    this.#options = options;
  }

  /**
   * Stores the response in the transaction of the change. If the process dies before it responds, a repeat returns this
   * response and does not make the change a second time.
   */
  answerInCommit<Result>(answerOf: (result: Result) => Promise<KeptAnswer>): AlsoCommit<Result> {
    return async (transaction, result) => {
      const answer = await answerOf(result);
      const text = textOf(answer);
      const { work, seal } = this.#options;
      if (!(await endIdempotent(transaction, { ...work, status: answer.status, body: seal(text) }))) throw takenOver();
      this.#committed = text;
    };
  }

  /** Stores the progress in each transaction of a change that takes several. */
  progressInCommit<Result>(progressOf: (result: Result) => unknown): AlsoCommit<Result> {
    return async (transaction, result) => {
      const { work, seal } = this.#options;
      if (!(await advanceIdempotent(transaction, { ...work, progress: seal(JSON.stringify(progressOf(result))) }))) throw takenOver();
    };
  }

  /** Stores the response, unless it was committed with the change. */
  async keep(answer: KeptAnswer): Promise<void> {
    const text = textOf(answer);
    const { database, work, seal } = this.#options;
    if (text !== this.#committed) await endIdempotent(database, { ...work, status: answer.status, body: seal(text) });
  }

  /** Releases the key after a failure of the server, which had no effect or may be tried again. */
  free(): Promise<void> {
    return freeIdempotent(this.#options.database, this.#options.work, WORK_MS);
  }
}

function textOf({ contentType, body }: KeptAnswer): string {
  return JSON.stringify([contentType, body]);
}

function keptAnswer(row: IdempotencyRow, { request, open }: { request: KeyedRequest; open: (sealed: Buffer) => string }): KeptAnswer {
  if (!row.request_hash.equals(request.requestHash)) {
    throw new PosthornError(
      'idempotency_mismatch',
      'The Idempotency-Key was used for a request with another address or body. Use a new key for a new request.',
    );
  }
  if (row.response_status === null || row.response_body === null) {
    throw new PosthornError(
      'idempotency_in_flight',
      'The first request with this Idempotency-Key is still in progress. Repeat this one later to get its response.',
      {
        retryAfterSeconds: 1,
      },
    );
  }
  const [contentType, body] = JSON.parse(open(row.response_body)) as [string, string];
  return { status: row.response_status, contentType, body };
}

/** Thrown inside the transaction, so that the change is rolled back. */
function takenOver(): PosthornError {
  return new PosthornError(
    'idempotency_in_flight',
    'The request took longer than a minute, and a repeat with the same Idempotency-Key has started. This request changed nothing.',
    { retryAfterSeconds: 1 },
  );
}

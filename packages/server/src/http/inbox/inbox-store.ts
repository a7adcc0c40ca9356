import type { HeaderList } from '@posthorn/protocol';
import { LRUCache } from 'lru-cache';

/** A request that an inbox has caught. */
export interface CaughtRequest {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: HeaderList;
  /** At most 64 KiB. */
  readonly body: string;
  readonly truncated: boolean;
  /** Whether the Standard Webhooks signature was right when it arrived; `unchecked`: the inbox has no secret. */
  readonly signature: 'valid' | 'invalid' | 'absent' | 'unchecked';
  /** Why a signature was not right. */
  readonly signatureProblem: string | null;
}

/** What an inbox answers. */
export interface InboxAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly delayMs: number;
}

export interface Inbox {
  readonly requests: CaughtRequest[];
  answer: InboxAnswer;
  secret: string | null;
}

const MAX_INBOXES = 200;
const MAX_REQUESTS = 100;
const DEFAULT_ANSWER: InboxAnswer = { status: 200, body: '{"received":true}', contentType: 'application/json', delayMs: 0 };

/** Inboxes in memory: for looking at, not for keeping. */
export class InboxStore {
  readonly #inboxes = new LRUCache<string, Inbox>({ max: MAX_INBOXES });

  open(name: string): Inbox {
    const known = this.#inboxes.get(name);
    if (known) return known;
    const made: Inbox = { requests: [], answer: DEFAULT_ANSWER, secret: null };
    this.#inboxes.set(name, made);
    return made;
  }

  /** Newest first. */
  add(name: string, request: CaughtRequest): void {
    const { requests } = this.open(name);
    requests.unshift(request);
    requests.length = Math.min(requests.length, MAX_REQUESTS);
  }
}

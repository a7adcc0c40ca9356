import type { HeaderList } from '@posthorn/protocol';
import { LRUCache } from 'lru-cache';

/** A request that an inbox has received. */
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
  /** The result of the Standard Webhooks check on arrival; `unchecked` if the inbox has no secret. */
  readonly signature: 'valid' | 'invalid' | 'absent' | 'unchecked';
  /** Why the signature is invalid. */
  readonly signatureProblem: string | null;
}

/** The response of an inbox. */
export interface InboxAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly delayMs: number;
}

export interface Inbox {
  /** Newest first. */
  readonly requests: readonly CaughtRequest[];
  readonly answer: InboxAnswer;
  readonly secret: string | null;
}

interface KeptInbox extends Inbox {
  requests: CaughtRequest[];
  answer: InboxAnswer;
  secret: string | null;
  characters: number;
}

const MAX_INBOXES = 200;
const MAX_REQUESTS = 100;
/** For all inboxes together: if all were full, they would take more than a gigabyte. One inbox alone stays below it. */
const MAX_CHARACTERS = 64 * 1024 * 1024;
const DEFAULT_ANSWER: InboxAnswer = { status: 200, body: '{"received":true}', contentType: 'application/json', delayMs: 0 };
const UNTOUCHED: Inbox = { requests: [], answer: DEFAULT_ANSWER, secret: null };

/** Stores inboxes in memory only. Evicts the least recently used one first. */
export class InboxStore {
  #characters = 0;
  readonly #inboxes = new LRUCache<string, KeptInbox>({
    max: MAX_INBOXES,
    dispose: (inbox) => {
      this.#characters -= inbox.characters;
    },
  });

  read(name: string): Inbox {
    return this.#inboxes.get(name) ?? UNTOUCHED;
  }

  add(name: string, request: CaughtRequest): void {
    const inbox = this.#open(name);
    inbox.requests.unshift(request);
    this.#count(inbox, sizeOf(request));
    const dropped = inbox.requests.length > MAX_REQUESTS ? inbox.requests.pop() : undefined;
    if (dropped) this.#count(inbox, -sizeOf(dropped));
    while (this.#characters > MAX_CHARACTERS && this.#inboxes.size > 1) this.#inboxes.pop();
  }

  clear(name: string): void {
    const inbox = this.#inboxes.get(name);
    if (!inbox) return;
    this.#count(inbox, -inbox.characters);
    inbox.requests = [];
  }

  set(name: string, settings: { answer?: Partial<InboxAnswer>; secret?: string | null }): void {
    const inbox = this.#open(name);
    inbox.answer = { ...inbox.answer, ...settings.answer };
    if (settings.secret !== undefined) inbox.secret = settings.secret;
  }

  #open(name: string): KeptInbox {
    const known = this.#inboxes.get(name);
    if (known) return known;
    const made = { requests: [], answer: DEFAULT_ANSWER, secret: null, characters: 0 };
    this.#inboxes.set(name, made);
    return made;
  }

  #count(inbox: KeptInbox, characters: number): void {
    inbox.characters += characters;
    this.#characters += characters;
  }
}

function sizeOf({ url, headers, body }: CaughtRequest): number {
  return headers.reduce((sum, [name, value]) => sum + name.length + value.length, url.length + body.length);
}

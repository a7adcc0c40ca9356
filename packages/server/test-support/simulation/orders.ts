import type { EventTableRow } from './database/rows.ts';
import { compareEvents } from './database/statements/log-reading.ts';

/** The stored events by order key: webhook and subject. */
export class Orders {
  readonly #isOrdered: (webhookId: string) => boolean;
  readonly #events = new Map<string, EventTableRow[]>();

  constructor(isOrdered: (webhookId: string) => boolean) {
    this.#isOrdered = isOrdered;
  }

  add(event: EventTableRow): void {
    for (const webhookId of event.webhook_ids) {
      const name = this.#nameOf(event, webhookId);
      if (name === null) continue;
      const events = this.#events.get(name) ?? [];
      events.push(event);
      this.#events.set(name, events.sort(compareEvents));
    }
  }

  clear(): void {
    this.#events.clear();
  }

  /** The earlier events of its order. */
  before(event: EventTableRow, webhookId: string): EventTableRow[] {
    return this.#of(event, webhookId).filter((other) => compareEvents(other, event) < 0);
  }

  after(event: EventTableRow, webhookId: string): EventTableRow[] {
    return this.#of(event, webhookId).filter((other) => compareEvents(other, event) > 0);
  }

  #of(event: EventTableRow, webhookId: string): EventTableRow[] {
    const name = this.#nameOf(event, webhookId);
    return (name !== null && this.#events.get(name)) || [];
  }

  #nameOf({ subject_id: subject }: EventTableRow, webhookId: string): string | null {
    return subject !== null && this.#isOrdered(webhookId) ? `${webhookId} ${subject}` : null;
  }
}

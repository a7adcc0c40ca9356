import { deliveryId } from '../../src/store/delivery-id.ts';
import type { SimulatedProcess } from './virtual-time.ts';

/** An event as its caller knows it. */
export interface EmittedEvent {
  readonly id: string;
  readonly organizationKey: number;
  readonly subject: string | null;
  webhookIds: readonly string[];
  /** `unknown`: the call failed, and the event may be stored all the same. */
  answer: 'none' | 'accepted' | 'unknown';
}

/** One exchange with an endpoint. */
export interface Attempt {
  readonly process: SimulatedProcess;
  readonly startedAt: number;
  endedAt: number | null;
  isSuccess: boolean;
}

/** What happened to a delivery, as callers and endpoints know it. */
export interface DeliveryHistory {
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly attempts: Attempt[];
  /** When a redelivery was last asked for: from then on it may be sent again, and is in no order. */
  redeliveredAt: number | null;
  /** When a cancellation was asked for, and when it was answered. */
  cancelAskedAt: number | null;
  cancelledAt: number | null;
  /** Processes that were notified of the cancellation. */
  readonly notified: Set<SimulatedProcess>;
}

/** Something that may have an outcome repeated: a crash, a frozen node, a database that could not be reached. */
export interface Disruption {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

/** All that callers asked for, and all that endpoints received. */
export class History {
  readonly events = new Map<string, EmittedEvent>();
  readonly deliveries = new Map<string, DeliveryHistory>();
  readonly disruptions: Disruption[] = [];
  /** Times in which notifications may have been lost; nothing is repeated for them. */
  readonly silences: Disruption[] = [];

  /** The same by event and webhook: hashing an id takes most of the time of a look-up. */
  readonly #byPair = new Map<string, DeliveryHistory>();

  delivery(eventId: string, webhookId: string): DeliveryHistory {
    const pair = eventId + webhookId;
    const known = this.#byPair.get(pair);
    if (known) return known;
    const id = deliveryId(eventId, webhookId);
    const created: DeliveryHistory = {
      id,
      webhookId,
      eventId,
      attempts: [],
      redeliveredAt: null,
      cancelAskedAt: null,
      cancelledAt: null,
      notified: new Set(),
    };
    this.deliveries.set(id, created);
    this.#byPair.set(pair, created);
    return created;
  }

  /** Whether something happened in between that may have an outcome repeated. */
  wasDisrupted(from: number, to: number): boolean {
    return overlap(this.disruptions, from, to);
  }

  /** Whether notifications may have been lost in between. */
  wasSilent(from: number, to: number): boolean {
    return overlap(this.silences, from, to) || this.wasDisrupted(from, to);
  }
}

function overlap(times: readonly Disruption[], from: number, to: number): boolean {
  return times.some((time) => time.from <= to && time.to >= from);
}

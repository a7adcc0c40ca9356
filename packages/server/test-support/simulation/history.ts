import { deliveryId } from '../../src/ids/delivery-id.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** An event as its caller sees it. */
export interface EmittedEvent {
  readonly id: string;
  readonly organizationKey: number;
  readonly subject: string | null;
  webhookIds: readonly string[];
  /** `unknown`: the call failed, but the event may be stored. */
  answer: 'none' | 'accepted' | 'unknown';
}

/** One exchange with an endpoint. */
export interface Attempt {
  readonly process: SimulatedProcess;
  readonly startedAt: number;
  endedAt: number | null;
  isSuccess: boolean;
}

/** A delivery as callers and endpoints see it. */
export interface DeliveryHistory {
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly attempts: Attempt[];
  /** The time of the last redelivery request. From then on it may be sent again, and is not ordered. */
  redeliveredAt: number | null;
  /** When a cancellation was requested, and when its response arrived. */
  cancelAskedAt: number | null;
  cancelledAt: number | null;
  /** Processes that were notified of the cancellation. */
  readonly notified: Set<SimulatedProcess>;
}

/** A disruption that may cause repeats: a crash, a frozen node, an unreachable database. */
export interface Disruption {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

/** All requests of callers, and all requests to endpoints. */
export class History {
  readonly events = new Map<string, EmittedEvent>();
  readonly deliveries = new Map<string, DeliveryHistory>();
  readonly disruptions: Disruption[] = [];
  /** Times in which notifications may have been lost. They cause no repeats. */
  readonly silences: Disruption[] = [];

  /** The same, by event and webhook: hashing an id takes most of the time of a lookup. */
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

  /** Whether a disruption that may cause repeats happened in between. */
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

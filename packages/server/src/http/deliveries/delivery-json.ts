import type { Delivery, DeliveryWithAttempts } from '../../deliveries/delivery.ts';

/** Returns a delivery as the API shows it. */
export function deliveryJson({ nextAttemptAt, createdAt, updatedAt, ...delivery }: Delivery) {
  return {
    ...delivery,
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}

/** Returns a delivery with all its attempts. */
export function deliveryWithAttemptsJson({ attempts, ...delivery }: DeliveryWithAttempts) {
  return { ...deliveryJson(delivery), attempts };
}

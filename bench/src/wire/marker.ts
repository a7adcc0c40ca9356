/**
 * The first field of every event's data: which event it is, and when it was sent (µs of the machine's monotonic clock).
 * Both have a fixed width, so that they can be written over and read without parsing JSON.
 */
export const SEQUENCE_WIDTH = 10;
export const TIME_WIDTH = 16;
const NAME = '"bench":"';
/** What a receiver looks for; the sequence follows. */
export const MARKER = Buffer.from(NAME);
/** From the sequence to the time: its digits and a colon. */
export const TIME_OFFSET = SEQUENCE_WIDTH + 1;

/** Event data of exactly `bytes` bytes as JSON: an order as a shop would send it, with the marker in front. */
export function sampleData(bytes: number): string {
  const marker = `${'0'.repeat(SEQUENCE_WIDTH)}:${'0'.repeat(TIME_WIDTH)}`;
  const order = {
    bench: marker,
    id: 'ord_01J8ZQ4T7W2M5N9K3R6V0X1Y2Z',
    status: 'confirmed',
    currency: 'EUR',
    total: '1284.50',
    placedAt: '2026-01-15T09:30:00.000Z',
    customer: { id: 'cus_7421', name: 'Marguerite Ångström', email: 'marguerite@example.com', vip: true, orders: 17 },
    shippingAddress: { street: '12 Rue des Archives', city: 'Paris', postalCode: '75004', country: 'FR' },
    lines: [
      { sku: 'KB-1041-BLK', title: 'Mechanical keyboard', quantity: 2, price: '189.00', taxRate: 0.2 },
      { sku: 'MN-2207', title: 'Monitor arm', quantity: 1, price: '129.50', taxRate: 0.2 },
      { sku: 'CH-0093-GRN', title: 'Desk chair', quantity: 1, price: '777.00', taxRate: 0.2 },
    ],
    tags: ['priority', 'gift', 'eu'],
    note: '',
  };
  const missing = bytes - Buffer.byteLength(JSON.stringify(order));
  if (missing < 0) throw new Error(`The sample needs ${-missing} bytes more than ${bytes}.`);
  const phrase = 'Please ring twice and leave the parcel with the neighbour on the second floor. ';
  return JSON.stringify({ ...order, note: phrase.repeat(Math.ceil(missing / phrase.length)).slice(0, missing) });
}

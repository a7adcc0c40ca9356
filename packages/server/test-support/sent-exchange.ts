import type { Exchange, OutgoingRequest, Sender } from '../src/delivery/sender/exchange.ts';

export type TestRequest = Pick<OutgoingRequest, 'url'> & Partial<OutgoingRequest>;

/** Sends a request, a POST of `{}` for one webhook if it says nothing else; null: it got no connection. */
export function sendRequest(sender: Sender, request: TestRequest): Promise<Exchange | null> {
  return sender.send({
    method: 'POST',
    headers: [],
    body: Buffer.from('{}'),
    timeoutMs: 15_000,
    organizationKey: 1,
    webhookId: 'webhook',
    ...request,
  });
}

/** Sends a request, again and again if it gets no connection. */
export async function sentExchange(sender: Sender, request: TestRequest): Promise<Exchange> {
  for (;;) {
    const exchange = await sendRequest(sender, request);
    if (exchange !== null) return exchange;
  }
}

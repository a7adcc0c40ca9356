import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { eventually } from './eventually.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A customer's endpoint on 127.0.0.1 that keeps what it gets. */
export interface Endpoint extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** What it answers with from now on. */
  status: number;
  /** Waits until so many requests have come in all, and answers them. */
  received(count: number): Promise<readonly ReceivedRequest[]>;
}

/** Starts an endpoint that answers 200 until told otherwise. */
export async function startEndpoint(): Promise<Endpoint> {
  const requests: ReceivedRequest[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const { method = '', url: target = '', headers } = message;
      requests.push({ method, target, headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(endpoint.status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const endpoint: Endpoint = {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook`,
    requests,
    status: 200,
    received: (count) =>
      eventually(() => {
        if (requests.length < count) throw new Error(`${requests.length} of ${count} requests have come.`);
        return requests;
      }),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return endpoint;
}

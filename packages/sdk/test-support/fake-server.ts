import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AnyProduct } from '../src/define-product.ts';
import { createClient, type Client } from '../src/client/create-client.ts';
import type { ClientOptions } from '../src/client/transport.ts';

/** How the server responds to a call. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Closes the connection instead of responding. */
  readonly hangUp?: boolean;
  /** Closes the connection in the middle of the response. */
  readonly breakOff?: boolean;
}

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Fake extends AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[];
  readonly waits: number[];
  client<Product extends AnyProduct>(options?: Partial<ClientOptions>): Client<Product>;
}

/** Starts a server that returns the given responses in order, and then repeats the last one. */
export async function serverThat(...answers: [Answer, ...Answer[]]): Promise<Fake> {
  const seen: Seen[] = [];
  const waits: number[] = [];
  const server = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const answer = answers[Math.min(seen.length, answers.length - 1)] ?? {};
      seen.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() });
      if (answer.hangUp === true) return void request.socket.destroy();
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
      if (answer.breakOff === true) return void response.write('{', () => request.socket.destroy());
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
    });
  });
  const { port } = server.address() as AddressInfo;
  const wait = async (milliseconds: number): Promise<void> => void waits.push(milliseconds);
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    seen,
    waits,
    client: <Product extends AnyProduct>(options?: Partial<ClientOptions>) =>
      createClient<Product>({ url, key: 'ph_secret', wait, random: () => 0.5, ...options }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Resolves to what a call throws. */
export async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'no failure',
    (error: unknown) => error,
  );
}

export const ACCEPTED = { status: 202, body: { id: 'e1', deliveries: 2 } };
export const OVERLOADED = {
  status: 503,
  headers: { 'retry-after': '2' },
  body: { type: 'x', title: 'Too much', status: 503, detail: 'Too much is waiting.', code: 'overloaded' },
};
export const NOT_FOUND = {
  status: 404,
  body: { title: 'None', status: 404, detail: 'No such webhook.', code: 'not_found', requestId: 'r-1' },
};

import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as after } from 'node:timers/promises';

export interface ReceivedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** By lower-case name; repeated ones joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The body as UTF-8. */
  readonly text: string;
  readonly receivedAt: Date;
}

/** What the receiver does with a request: an answer, none at all, or a reset connection. */
export type Reaction =
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string; readonly delayMs?: number }
  | 'hang'
  | 'reset';

/** Chooses the reaction to a request; `index` counts all requests from 0. */
export type React = (request: ReceivedRequest, index: number) => Reaction | Promise<Reaction>;

export interface Receiver extends AsyncDisposable {
  /** Base URL; every path is taken. */
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** From now on reacts like this. */
  react(reaction: Reaction | React): void;
  /** Waits until so many requests have come in all, and answers them. */
  waitFor(count: number, timeoutMs?: number): Promise<readonly ReceivedRequest[]>;
  close(): Promise<void>;
}

const WAIT_MS = 15_000;

/**
 * A webhook endpoint on 127.0.0.1 that keeps what it gets. Reacts with 200 and no body unless told otherwise.
 *
 * ```ts
 * await using receiver = await startReceiver((request, index) => ({ status: index === 0 ? 503 : 200 }));
 * ```
 */
export async function startReceiver(reaction: Reaction | React = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  let current = asReact(reaction);
  const server = createServer((message, response) => {
    handle(message, response).catch(() => response.destroy());
  });

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await receive(message);
    const index = requests.push(request) - 1;
    arrivals.emit('request');
    await carryOut(await current(request, index), response);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The receiver has no port.');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    react: (next) => {
      current = asReact(next);
    },
    async waitFor(count, timeoutMs = WAIT_MS) {
      const signal = AbortSignal.timeout(timeoutMs);
      while (requests.length < count) {
        await once(arrivals, 'request', { signal }).catch((error: unknown) => {
          throw new Error(`${requests.length} of ${count} requests came within ${timeoutMs} ms.`, { cause: error });
        });
      }
      return requests;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function asReact(reaction: Reaction | React): React {
  return typeof reaction === 'function' ? reaction : () => reaction;
}

async function receive(message: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return {
    method: message.method ?? '',
    target: message.url ?? '',
    headers: Object.fromEntries(Object.entries(message.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')])),
    body,
    text: body.toString('utf8'),
    receivedAt: new Date(),
  };
}

async function carryOut(reaction: Reaction, response: ServerResponse): Promise<void> {
  if (reaction === 'hang') return;
  if (reaction === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const { status = 200, headers = {}, body = '', delayMs = 0 } = reaction;
  if (delayMs > 0) await after(delayMs);
  response.writeHead(status, headers).end(body);
}

import { Agent, request as send } from 'node:http';

export interface RawRequest {
  readonly method: string;
  /** As it is sent: nothing is encoded or resolved any more. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Sends requests with connections that are kept open. Leaving the scope closes them. */
export function rawClient(origin: string): { send(request: RawRequest): Promise<RawAnswer> } & Disposable {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(origin);
  return {
    send: ({ method, target, headers, body }) =>
      new Promise((resolve, reject) => {
        const outgoing = send({
          agent,
          hostname,
          port,
          method,
          path: target,
          headers: { ...headers, 'content-length': String(body?.length ?? 0) },
        });
        outgoing.on('error', reject).on('response', (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }),
          );
        });
        outgoing.end(body ?? undefined);
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

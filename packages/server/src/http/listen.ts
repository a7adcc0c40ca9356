import { createServer, type AddressInfo, type Server } from 'node:net';
import type { FastifyInstance, FastifyListenOptions } from 'fastify';

export interface ListenAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/**
 * The number of listening sockets on the port. The event loop accepts one connection per socket and turn. With one
 * socket and turns of 12 ms, the last of 700 simultaneous clients, and a health check behind them, waited eight
 * seconds.
 */
const SOCKETS = 16;
/** Connections per socket that may wait to be accepted. Beyond Node's 511, clients retry after 1, 3 and 7 seconds. */
const BACKLOG = 4_096;

/** A listening server. */
export interface Listening {
  readonly url: string;
  /** Stops accepting connections. Resolves when all requests in flight have their response. */
  close(): Promise<void>;
}

/** Starts listening. Rejects with `EADDRINUSE` if the port is in use. */
export async function listen(app: FastifyInstance, { host, port }: ListenAddress): Promise<Listening> {
  const free = await freePort({ host, port });
  const url = await listenOnce(app, { host, port: free });
  const address = app.server.address();
  const extra = Array.from({ length: SOCKETS - 1 }, () => another(app, address));
  const others = (await Promise.all(extra)).filter((other) => other !== null);
  return {
    url,
    async close() {
      const closed = others.map((other) => new Promise((resolve) => other.close(resolve)));
      await app.close();
      await Promise.all(closed);
    },
  };
}

/** Binds an exclusive socket first: only that detects a port in use, sockets that share one do not. */
async function freePort({ host, port }: ListenAddress): Promise<number> {
  const probe = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  probe.once('error', reject).listen({ host, port, exclusive: true }, resolve);
  await promise;
  const { port: bound } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  return bound;
}

async function listenOnce(app: FastifyInstance, address: ListenAddress): Promise<string> {
  const options: FastifyListenOptions & { readonly reusePort: boolean } = { ...address, backlog: BACKLOG, reusePort: true };
  try {
    return await app.listen(options);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    return app.listen({ ...address, backlog: BACKLOG });
  }
}

/** Returns null if the system does not let sockets share a port. */
async function another(app: FastifyInstance, address: AddressInfo | string | null): Promise<Server | null> {
  if (address === null || typeof address === 'string') return null;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => app.server.emit('connection', socket));
  const { promise, resolve } = Promise.withResolvers<Server | null>();
  server.once('error', () => resolve(null));
  server.listen({ host: address.address, port: address.port, backlog: BACKLOG, reusePort: true }, () => resolve(server));
  return promise;
}

function isUnsupported(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTSUP' || error.code === 'EINVAL' || error.code === 'ENOPROTOOPT');
}

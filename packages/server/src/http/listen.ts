import { createServer, type AddressInfo, type Server } from 'node:net';
import type { FastifyInstance, FastifyListenOptions } from 'fastify';

export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/**
 * Listening sockets on the port. The event loop accepts one connection of each in a turn: with one socket, and turns of 12 ms,
 * the last of 700 clients that connect together was accepted after eight seconds, and so was a health check behind them.
 */
const SOCKETS = 16;
/** Connections of a socket that wait to be accepted. Past Node's 511 a client tries again after one second, three, seven. */
const BACKLOG = 4_096;

/** A server that listens. */
export interface Listening {
  readonly url: string;
  /** Accepts nothing more. Resolves when what is in flight has been answered. */
  close(): Promise<void>;
}

/** Rejects with `EADDRINUSE` if the port is taken. */
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

/** A socket alone on its port finds out whether it is taken: those that share one do not. */
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

/** null: the system does not let sockets share a port. */
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

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';

/** A line to a database server on which an answer can be lost. */
export interface DatabaseLine extends AsyncDisposable {
  /** As the server's own, through the line. */
  readonly url: string;
  /** The connection that next carries the text is cut: the server works off what it got, and nobody hears of it. */
  loseAnswerTo(text: string): void;
}

/** Long enough for all of a statement to have passed. */
const PASSING_MS = 100;

export async function startDatabaseLine(databaseUrl: string): Promise<DatabaseLine> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let awaited: string | null = null;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    upstream.pipe(client);
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.end());
    client.on('data', (chunk) => {
      upstream.write(chunk);
      if (awaited === null || !chunk.includes(awaited)) return;
      awaited = null;
      upstream.unpipe(client);
      upstream.resume();
      void after(PASSING_MS).then(() => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);

  return {
    url: url.href,
    loseAnswerTo(text) {
      awaited = text;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

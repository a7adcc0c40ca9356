import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';

/** A line to a database server that can fail. */
export interface DatabaseLine extends AsyncDisposable {
  /** As the server's own, through the line. */
  readonly url: string;
  /** The connection that next carries the text is cut: the server works off what it got, and nobody hears of it. */
  loseAnswerTo(text: string): void;
  /** The answers on a connection that carries the text come so much later, in milliseconds. */
  delayAnswersTo(text: string, delayMs: number): void;
  /** On the connections there are, nothing passes any more and nobody is told; new ones work. */
  fallSilent(): void;
  /** Cuts every connection, and every new one until told otherwise. Answers how many came meanwhile. */
  refuse(): () => number;
}

/** Long enough for all of a statement to have passed. */
const PASSING_MS = 100;

export async function startDatabaseLine(databaseUrl: string): Promise<DatabaseLine> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let awaited: string | null = null;
  let delayed: { readonly text: string; readonly delayMs: number } | null = null;
  let refused: number | null = null;

  const server = createServer((client) => {
    if (refused !== null) {
      refused++;
      return void client.destroy();
    }
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) keepWhileOpen(sockets, socket);
    upstream.pipe(client);
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.end());
    client.on('data', (chunk) => {
      upstream.write(chunk);
      if (delayed !== null && chunk.includes(delayed.text)) {
        upstream.unpipe(client);
        void after(delayed.delayMs).then(() => upstream.pipe(client));
      }
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
    delayAnswersTo(text, delayMs) {
      delayed = { text, delayMs };
    },
    fallSilent() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    refuse() {
      refused = 0;
      for (const socket of sockets) socket.destroy();
      return () => {
        const count = refused ?? 0;
        refused = null;
        return count;
      };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function keepWhileOpen(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => {}).on('close', () => sockets.delete(socket));
}

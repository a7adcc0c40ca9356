import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';

/** A line to a database server that can fail. */
export interface DatabaseLine extends AsyncDisposable {
  /** As the server's own, through the line. */
  readonly url: string;
  /** The connection that next carries the text is cut: the server works off what it got, and nobody hears of it. */
  loseAnswerTo(text: string): void;
  /**
   * Cuts the connection that next carries the text, once the server has committed its transaction: nobody hears of it.
   * Resolves when it is committed.
   */
  loseCommitOf(text: string): Promise<void>;
  /** The answers on a connection that carries the text come so much later, in milliseconds. */
  delayAnswersTo(text: string, delayMs: number): void;
  /** On the connections there are, nothing passes any more and nobody is told; new ones work. */
  fallSilent(): void;
  /** Cuts every connection, and every new one until told otherwise. Answers how many came meanwhile. */
  refuse(): () => number;
}

/** Long enough for all of a statement to have passed. */
const PASSING_MS = 100;

/** An answer that the client must not get. */
interface Loss {
  readonly text: string;
  /** Of the COMMIT after the text; otherwise of the text itself. */
  readonly atCommit: boolean;
  readonly onAnswer: () => void;
}

interface Faults {
  loss: Loss | null;
  delayed: { readonly text: string; readonly delayMs: number } | null;
}

export async function startDatabaseLine(databaseUrl: string): Promise<DatabaseLine> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const faults: Faults = { loss: null, delayed: null };
  let refused: number | null = null;

  const server = createServer((client) => {
    if (refused !== null) {
      refused++;
      return void client.destroy();
    }
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) keepWhileOpen(sockets, socket);
    carry({ client, upstream, faults });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);

  return {
    url: url.href,
    loseAnswerTo(text) {
      faults.loss = { text, atCommit: false, onAnswer: () => {} };
    },
    loseCommitOf(text) {
      const { promise, resolve } = Promise.withResolvers<void>();
      faults.loss = { text, atCommit: true, onAnswer: resolve };
      return promise;
    },
    delayAnswersTo(text, delayMs) {
      faults.delayed = { text, delayMs };
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

function carry({ client, upstream, faults }: { client: Socket; upstream: Socket; faults: Faults }): void {
  upstream.pipe(client);
  upstream.on('close', () => client.destroy());
  client.on('close', () => upstream.end());
  let ours: Loss | null = null;
  client.on('data', (chunk) => {
    upstream.write(chunk);
    const { loss, delayed } = faults;
    if (delayed !== null && chunk.includes(delayed.text)) {
      upstream.unpipe(client);
      void after(delayed.delayMs).then(() => upstream.pipe(client));
    }
    if (ours === null && loss !== null && chunk.includes(loss.text)) {
      ours = loss;
      faults.loss = null;
    }
    if (ours === null || (ours.atCommit && !chunk.includes('COMMIT'))) return;
    upstream.unpipe(client);
    upstream.once('data', ours.onAnswer).resume();
    void after(PASSING_MS).then(() => client.destroy());
  });
}

function keepWhileOpen(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => {}).on('close', () => sockets.delete(socket));
}

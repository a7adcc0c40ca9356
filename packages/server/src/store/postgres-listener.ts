import pg from 'pg';
import { WatchedClient } from './watched-client.ts';

export interface Listening {
  readonly url: string;
  readonly channel: string;
  readonly onNotify: (payload: string) => void;
  /** Some may have been missed: the connection was lost, or is there again. */
  readonly onReset: () => void;
  /** How long an answer may take, in milliseconds, before the connection counts as broken. */
  readonly answerMs: number;
}

const RECONNECT_MS = 500;
/** How often the server is asked whether it is still there. Nothing else would tell: who only listens takes a cut line for silence. */
const HEARTBEAT_MS = 10_000;

/** A connection of its own that listens, and connects again whenever it is lost. Answers a function that stops it. */
export async function listenOn({ url, channel, onNotify, onReset, answerMs }: Listening): Promise<() => Promise<void>> {
  let stopped = false;
  let current: WatchedClient | null = null;
  let retry: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const client = new WatchedClient({ connectionString: url, application_name: 'posthorn-listen', connectionTimeoutMillis: answerMs });
    // Whatever breaks it, 'end' follows.
    client.on('error', () => {});
    client.on('notification', (message) => onNotify(message.payload ?? ''));
    client.on('end', () => {
      if (client === current) onLost();
    });
    await client.connect();
    beat(client, Math.min(HEARTBEAT_MS, answerMs));
    await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`).catch(async (error: unknown) => {
      await client.end();
      throw error;
    });
    if (stopped) return client.end();
    current = client;
  }

  function onLost(): void {
    current = null;
    if (stopped) return;
    onReset();
    connectLater();
  }

  function connectLater(): void {
    if (!stopped) retry = setTimeout(() => void connect().then(onReset, connectLater), RECONNECT_MS);
  }

  await connect();
  return async () => {
    stopped = true;
    clearTimeout(retry);
    await current?.end();
  };
}

/** For as long as the connection lasts, cuts it when a question is not answered by the time of the next. */
function beat(client: WatchedClient, everyMs: number): void {
  let isAnswered = true;
  const timer = setInterval(() => {
    if (!isAnswered) client.cut();
    isAnswered = false;
    client.query('SELECT 1').then(
      () => (isAnswered = true),
      () => {},
    );
  }, everyMs);
  client.on('end', () => clearInterval(timer));
}

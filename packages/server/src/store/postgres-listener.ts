import pg from 'pg';
import { WatchedClient } from './watched-client.ts';

export interface Listening {
  readonly url: string;
  readonly channel: string;
  readonly onNotify: (payload: string) => void;
  /** Some notifications may have been missed: the connection was lost or restored. */
  readonly onReset: () => void;
  /** How long a response may take, in milliseconds, before the connection counts as broken. */
  readonly answerMs: number;
}

const RECONNECT_MS = 500;
/** How often the connection is checked. A listener alone can't tell a broken connection from silence. */
const HEARTBEAT_MS = 10_000;

/**
 * Listens on a separate connection, and reconnects whenever it is lost. Resolves with a function that stops listening.
 */
export async function listenOn({ url, channel, onNotify, onReset, answerMs }: Listening): Promise<() => Promise<void>> {
  let stopped = false;
  let current: WatchedClient | null = null;
  let retry: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const client = new WatchedClient({ connectionString: url, application_name: 'posthorn-listen', connectionTimeoutMillis: answerMs });
    // Every error is followed by 'end'.
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

/** Sends a query regularly, and closes the connection if it has no response by the time of the next. */
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

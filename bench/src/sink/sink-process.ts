import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { serve } from '../environment/worker.ts';
import { digitsAt, frameAt } from '../wire/framing.ts';
import { Receipts, type SinkCounts, type SinkWindow } from './receipts.ts';

/**
 * Paths: `/w/<slot>/…` is answered at once, `/h/<slot>/…` is never answered while hanging is on,
 * `/limit` is answered and not accounted.
 */
const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
const KIND_AT = 'POST /'.length;
const SLOT_AT = 'POST /w/'.length;
const WEBHOOK = 'w'.charCodeAt(0);
const HANGING = 'h'.charCodeAt(0);

const receipts = new Receipts();
const servers: Server[] = [];
let hanging = false;
let connections = 0;

/** Takes what arrived of a connection; answers what is left over. */
function take(socket: Socket, data: Buffer): Buffer | null {
  let from = 0;
  while (from < data.length) {
    const frame = frameAt(data, from);
    if (frame === null) return from === 0 ? data : data.subarray(from);
    const kind = data[from + KIND_AT];
    if (kind === HANGING && hanging) receipts.left();
    else {
      if (kind === WEBHOOK || kind === HANGING) receipts.arrived(data, frame.bodyStart, digitsAt(data, from + SLOT_AT));
      socket.write(ANSWER);
    }
    from = frame.end;
  }
  return null;
}

function onConnection(socket: Socket): void {
  let rest: Buffer | null = null;
  connections++;
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    rest = take(socket, rest === null ? chunk : Buffer.concat([rest, chunk]));
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => connections--);
}

async function listenOn(host: string, port: number): Promise<number> {
  const server = createServer(onConnection);
  servers.push(server);
  server.listen({ host, port, backlog: 4096 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The sink has no port.');
  return address.port;
}

const commands = {
  /** Listens on the addresses 127.0.0.1, 127.0.0.2 …, one port for all. */
  async listen({ hosts }: { hosts: readonly string[] }): Promise<number> {
    const [first = '127.0.0.1', ...others] = hosts;
    const port = await listenOn(first, 0);
    for (const host of others) await listenOn(host, port);
    return port;
  },
  reset: ({ fanOut }: { fanOut: number }): void => receipts.reset(fanOut),
  hang(on: boolean): void {
    hanging = on;
  },
  openWindow: (): void => receipts.openWindow(),
  closeWindow: (): SinkWindow => receipts.closeWindow(),
  counts: (): SinkCounts & { connections: number } => ({ ...receipts.counts(), connections }),
  arrivals: (): Uint8Array => receipts.arrivals(),
};

export type SinkCommands = typeof commands;
serve(commands);

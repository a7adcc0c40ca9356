import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../environment/worker.ts';

/**
 * Paths say how they answer: `/ok/…` at once, `/slow/…` after a moment, `/flaky/…` refuses the first attempt of some
 * deliveries, `/hang/…` never answers, `/void/…` at once and keeps nothing.
 */
const SLOW_MS = 40;
/** Of so many deliveries to a flaky path one is refused at first. */
const FLAKY_ONE_IN = 25;

const arrivals = new Map<string, string[]>();
const arrived = new Set<string>();
const refusedOnce = new Set<string>();
let refuses = false;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  const id = String(request.headers['webhook-id']);
  const kind = path.split('/')[1];
  if (kind === 'hang') return;
  if (kind === 'void') return void response.end();
  const delivery = `${path} ${id}`;
  if (refuses || (kind === 'flaky' && isRefusedAtFirst(delivery))) return void response.writeHead(500).end();
  const ids = arrivals.get(path) ?? [];
  arrivals.set(path, ids);
  ids.push(id);
  arrived.add(delivery);
  if (kind === 'slow') setTimeout(() => response.end(), SLOW_MS);
  else response.end();
}

function isRefusedAtFirst(delivery: string): boolean {
  if (refusedOnce.has(delivery) || Number(delivery.slice(delivery.lastIndexOf(':') + 1)) % FLAKY_ONE_IN !== 0) return false;
  refusedOnce.add(delivery);
  return true;
}

const server = createServer((request, response) => {
  request.on('end', () => answer(request, response)).resume();
});

const commands = {
  async listen(): Promise<number> {
    server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
  /** From now on every attempt is refused, or answered as its path says. */
  refuse(on: boolean): void {
    refuses = on;
  },
  /** Deliveries that arrived, each counted once. */
  arrivedCount: (): number => arrived.size,
  /** Ids by path, in the order of arrival. */
  arrivals: (): Map<string, string[]> => arrivals,
};

export type ReceiverCommands = typeof commands;
serve(commands);

import { once } from 'node:events';
import { createServer as createTcpServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import type { Certificate } from './certificates.ts';

type Behaviour = (socket: Socket) => void;

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Everything that an endpoint may do to whoever calls it; the first part of the path chooses. */
const BEHAVIOURS = {
  ok: (socket) => socket.write(OK),
  'ok-and-close': (socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'),
  'repeated-headers': (socket) =>
    socket.write('HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Odd: \xe9\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n', 'latin1'),
  'many-headers': (socket) => socket.write(`HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(500)}Content-Length: 0\r\n\r\n`),
  'early-hints': (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`),
  'no-answer': () => undefined,
  'drip-header': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nX-Drip: ');
    repeat(socket, () => socket.write('a'));
  },
  'drip-body': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
    repeat(socket, () => socket.write('a'));
  },
  'endless-body': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    pour(socket, `4000\r\n${'a'.repeat(0x4000)}\r\n`);
  },
  'endless-tiny-chunks': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    pour(socket, '1\r\na\r\n'.repeat(2_000));
  },
  'endless-1xx': (socket) => repeat(socket, () => socket.write('HTTP/1.1 102 Processing\r\n\r\n')),
  'flood-1xx': (socket) => pour(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(100)),
  'flood-100': (socket) => pour(socket, 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)),
  'endless-interim-header': (socket) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: ');
    pour(socket, 'a'.repeat(16_384), 10_000_000);
  },
  'dripping-continue': (socket) => {
    const bytes = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 \r\n\r\n${OK}`.split('');
    repeat(socket, () => {
      const byte = bytes.shift();
      if (byte !== undefined) socket.write(byte);
    });
  },
  'continue-and-close': (socket) => socket.end('HTTP/1.1 100 Continue\r\n\r\n'),
  'half-status-line': (socket) => socket.end('HTTP/1.1 1'),
  'unasked-continue': (socket) => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${OK}`),
  'gzip-bomb': (socket) => {
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`);
    socket.write(bomb);
  },
  'huge-headers': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    pour(socket, `X-Huge: ${'a'.repeat(8_000)}\r\n`, 10_000_000);
  },
  'one-huge-header': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nX-Huge: ');
    pour(socket, 'a'.repeat(16_384), 10_000_000);
  },
  'reset-at-once': (socket) => socket.resetAndDestroy(),
  'close-at-once': (socket) => socket.end(),
  'reset-mid-body': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart', () => socket.resetAndDestroy());
  },
  'close-mid-body': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart'),
  'close-mid-chunk': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart'),
  'close-mid-chunk-announced': (socket) =>
    socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart'),
  'no-content-with-body': (socket) => socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello'),
  'no-content-chunked': (socket) => socket.write('HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  'no-content-announced': (socket) => socket.write('HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'),
  'no-content-length': (socket) => socket.write('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'),
  'not-modified': (socket) => socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'),
  'error-mid-body': (socket) => socket.end('HTTP/1.1 503 Down\r\nContent-Length: 1000\r\n\r\npart'),
  'no-content': (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
  redirect: (socket) => socket.write('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/private\r\nContent-Length: 0\r\n\r\n'),
  garbage: (socket) => socket.write('I am not a web server.\r\n\r\n'),
  'invalid-header': (socket) => socket.write('HTTP/1.1 200 OK\r\nBad\0Name: x\r\nContent-Length: 2\r\n\r\nok'),
  'bad-chunking': (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n'),
  'two-lengths': (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok'),
  upgrade: (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'),
  /** Answers the first request of a connection and hangs up on the next, as a server whose keep-alive time is just over. */
  stale: (socket) => {
    if (first(socket)) socket.write(OK);
    else socket.destroy();
  },
  'stale-reset': (socket) => {
    if (first(socket)) socket.write(OK);
    else socket.resetAndDestroy();
  },
  /** Resets the connection a moment after each response, as a load balancer that ends idle connections. */
  'ok-then-reset': (socket) => {
    socket.write(OK);
    setTimeout(() => socket.resetAndDestroy(), 3);
  },
} as const satisfies Record<string, Behaviour>;

export type HellBehaviour = keyof typeof BEHAVIOURS;

export interface HellReceiver extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:<port>/<behaviour>`, or with another host and https. */
  url(behaviour: HellBehaviour, hostname?: string): string;
  /** Connections taken and requests received so far. */
  readonly seen: { connections: number; requests: string[] };
}

/** Starts a server on a loopback address that misbehaves as the path of each request asks it to. */
export async function startHellReceiver(options: { tls?: Certificate; host?: string; port?: number } = {}): Promise<HellReceiver> {
  const seen: HellReceiver['seen'] = { connections: 0, requests: [] };
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    seen.connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    readRequests(socket, (head) => {
      seen.requests.push(head);
      const name = /^\S+ \/([a-z0-9-]+)/.exec(head)?.[1] ?? 'ok';
      const behaviour: Behaviour = isBehaviour(name) ? BEHAVIOURS[name] : BEHAVIOURS.ok;
      behaviour(socket);
    });
  };
  const server = options.tls === undefined ? createTcpServer(serve) : createTlsServer(options.tls, serve);
  server.on('tlsClientError', () => undefined);
  const port = await listen(server, options);
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    port,
    seen,
    url: (behaviour, hostname = options.host ?? '127.0.0.1') => `${scheme}://${hostname}:${port}/${behaviour}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Listens on a port of 127.0.0.1 whose queue of connections is full and is never emptied: further ones get no answer at all. */
export async function startFullListener(): Promise<{ port: number } & AsyncDisposable> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true },
  );
  const port = await new Promise<unknown>((resolve) => worker.once('message', resolve));
  const fillers: Socket[] = [];
  if (typeof port !== 'number') throw new Error('the worker did not say its port');
  for (let open = true; open;) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    fillers.push(socket);
    open = await Promise.race([once(socket, 'connect').then(() => true), new Promise<false>((resolve) => setTimeout(resolve, 150, false))]);
    if (fillers.length > 64) throw new Error('the queue of connections does not fill');
  }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of fillers) socket.destroy();
      await worker.terminate();
    },
  };
}

async function listen(server: Server, options: { host?: string; port?: number }): Promise<number> {
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  // A TCP server that listens has an address with a port.
  return (server.address() as AddressInfo).port;
}

function isBehaviour(name: string): name is HellBehaviour {
  return Object.hasOwn(BEHAVIOURS, name);
}

function readRequests(socket: Socket, onRequest: (head: string) => void): void {
  let pending = '';
  socket.on('data', (chunk) => {
    pending += chunk.toString('latin1');
    for (let end = pending.indexOf('\r\n\r\n'); end !== -1; end = pending.indexOf('\r\n\r\n')) {
      const head = pending.slice(0, end);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (pending.length < end + 4 + length) return;
      pending = pending.slice(end + 4 + length);
      onRequest(head);
    }
  });
}

const known = new WeakSet<Socket>();

function first(socket: Socket): boolean {
  if (known.has(socket)) return false;
  known.add(socket);
  return true;
}

function repeat(socket: Socket, write: () => void): void {
  const timer = setInterval(write, 5);
  socket.on('close', () => clearInterval(timer));
}

/** Writes the same again and again, as fast as it is taken. */
function pour(socket: Socket, text: string, limit = Infinity): void {
  let written = 0;
  const more = (): void => {
    while (!socket.destroyed && written < limit) {
      written += text.length;
      if (!socket.write(text)) return;
    }
  };
  socket.on('drain', more);
  more();
}

import type { FastifyReply, FastifyRequest } from 'fastify';

/** How long a client may keep sending after the response. Closing at once would reset the connection and lose it. */
const LINGER_MS = 2_000;

/**
 * Closes the connection after the response if the body was not read: the rest would be parsed as the next request.
 * Discards what still arrives, so that a client that sends everything before it reads gets the response, not EPIPE.
 */
export function closeIfUnread(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = request;
  if (raw.complete || !hasBody(request)) return;
  void reply.header('connection', 'close');
  const { socket } = raw;
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}

/** Whether the request's headers announce a body. */
export function hasBody({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

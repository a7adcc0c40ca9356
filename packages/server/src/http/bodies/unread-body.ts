import type { FastifyReply, FastifyRequest } from 'fastify';

/** How long a client may go on sending after the answer. Closing at once resets the connection, and the answer is lost. */
const LINGER_MS = 2_000;

/**
 * Ends the connection after the answer if the request's body has not been read: the rest of it would be read as the next
 * request. What still arrives is dropped, so that a client which sends first and reads later sees the answer, not EPIPE.
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

/** Whether the request announced a body. */
export function hasBody({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/**
 * Leaves `Expect: 100-continue` unanswered until the body is read: a request that is refused before never sends its body
 * (RFC 9110, section 10.1.1).
 */
export function holdContinue(server: Server): void {
  server.on('checkContinue', (message, response) => {
    waiting.set(message, response);
    server.emit('request', message, response);
  });
}

/** Asks for the body of a request that waits to be asked. */
export function sendContinue(message: IncomingMessage): void {
  if (message.headers.expect === undefined) return;
  waiting.get(message)?.writeContinue();
  waiting.delete(message);
}

import type { IncomingMessage, Server, ServerResponse } from 'node:http';

const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/**
 * Delays the response to `Expect: 100-continue` until the body is read: a request that is refused earlier never sends
 * its body (RFC 9110, section 10.1.1).
 */
export function holdContinue(server: Server): void {
  server.on('checkContinue', (message, response) => {
    waiting.set(message, response);
    server.emit('request', message, response);
  });
}

/** Sends `100 Continue` if the client waits for it before it sends the body. */
export function sendContinue(message: IncomingMessage): void {
  if (message.headers.expect === undefined) return;
  waiting.get(message)?.writeContinue();
  waiting.delete(message);
}

import { parentPort, workerData } from 'node:worker_threads';
import { parseTargets } from '../../../network/target-address.ts';
import { createSender } from '../sender.ts';
import { readRequest, writeExchange } from './encoding.ts';
import type { FromThread, ThreadOptions, ToThread } from './messages.ts';
import { Outbox } from './outbox.ts';
import { PacketReader, type Packet } from './packet.ts';

/** The sending thread: receives requests and returns exchanges. */
function main(): void {
  const port = parentPort;
  if (port === null) throw new Error('This file runs as a worker thread.');
  const options = workerData as ThreadOptions;
  const sender = createSender({
    allowedTargets: parseTargets(options.allowedTargets).targets,
    connectionsPerOrigin: options.connectionsPerOrigin,
  });
  const ended = new Outbox({
    post: (packet) => port.postMessage({ kind: 'exchanges', packet } satisfies FromThread, [packet.bytes]),
    underWay: () => sender.stats().exchanges,
  });
  const send = (packet: Packet): void => {
    const requests = new PacketReader(packet);
    while (!requests.isAtEnd) {
      const { slot, request } = readRequest(requests);
      void sender.send(request).then((exchange) => writeExchange(ended.open(), slot, exchange));
    }
  };
  port.on('message', (message: ToThread) => {
    if (message.kind === 'requests') return send(message.packet);
    void sender.close(message.deadlineMs).then(() => {
      ended.flush();
      port.postMessage({ kind: 'closed' } satisfies FromThread);
    });
  });
}

main();

import { parentPort, workerData } from 'node:worker_threads';
import { parseTargets } from '../../../tenancy/target-address.ts';
import { createSender } from '../sender.ts';
import { readRequest, writeExchange } from './encoding.ts';
import type { FromThread, ThreadOptions, ToThread } from './messages.ts';
import { PacketReader, PacketWriter, type Packet } from './packet.ts';

/** The thread that sends: requests in, exchanges out. */
function main(): void {
  const port = parentPort;
  if (port === null) throw new Error('This file runs as a worker thread.');
  const options = workerData as ThreadOptions;
  const sender = createSender({
    allowedTargets: parseTargets(options.allowedTargets).targets,
    connectionsPerOrigin: options.connectionsPerOrigin,
  });
  const ended = new PacketWriter();
  let scheduled = false;

  const flush = (): void => {
    scheduled = false;
    if (ended.isEmpty) return;
    const packet = ended.take();
    port.postMessage({ kind: 'exchanges', packet } satisfies FromThread, [packet.bytes]);
  };
  const send = (packet: Packet): void => {
    const requests = new PacketReader(packet);
    while (!requests.isAtEnd) {
      const { slot, request } = readRequest(requests);
      void sender.send(request).then((exchange) => {
        writeExchange(ended, slot, exchange);
        if (scheduled) return;
        scheduled = true;
        setImmediate(flush);
      });
    }
  };
  port.on('message', (message: ToThread) => {
    if (message.kind === 'requests') return send(message.packet);
    void sender.close(message.deadlineMs).then(() => {
      flush();
      port.postMessage({ kind: 'closed' } satisfies FromThread);
    });
  });
}

main();

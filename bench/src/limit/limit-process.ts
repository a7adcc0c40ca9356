import { createHmac } from 'node:crypto';
import { Pool, type Dispatcher } from 'undici';
import { serve } from '../environment/worker.ts';
import { nowUs } from '../measure/clock.ts';
import { sampleData } from '../wire/marker.ts';

export interface LimitPlan {
  readonly origin: string;
  readonly connections: number;
  readonly seconds: number;
  readonly dataBytes: number;
}

const SECRET = Buffer.alloc(24, 7);
const WARM_UP_SECONDS = 2;

/** Signs and posts one body over and over, with nothing else around it; answers posts a second. */
async function measure({ origin, connections, seconds, dataBytes }: LimitPlan): Promise<number> {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const body = Buffer.from(`{"type":"bench-00","timestamp":"2026-01-15T09:30:00.000Z","data":${sampleData(dataBytes)}}`);
  let done = 0;
  let sent = 0;
  let stopped = false;
  const one = (): void => {
    const id = `01994b5e-7c1a-7000-8000-${String(sent++).padStart(12, '0')}`;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', SECRET).update(`${id}.${timestamp}.`).update(body).digest('base64');
    const options: Dispatcher.DispatchOptions = {
      path: '/limit',
      method: 'POST',
      headers: [
        ...['content-type', 'application/json', 'user-agent', 'Posthorn/0.1.0'],
        ...['webhook-id', id, 'webhook-timestamp', timestamp, 'webhook-signature', `v1,${signature}`],
      ],
      body,
    };
    pool.dispatch(options, handler);
  };
  const { promise: failure, reject } = Promise.withResolvers<never>();
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData() {},
    onResponseEnd() {
      done++;
      if (!stopped) one();
    },
    onResponseError: (_controller, error) => reject(error),
  };
  for (let index = 0; index < connections; index++) one();
  await Promise.race([pause(WARM_UP_SECONDS), failure]);
  const start = nowUs();
  const before = done;
  await Promise.race([pause(seconds), failure]);
  const rate = (done - before) / ((nowUs() - start) / 1e6);
  stopped = true;
  await pool.close();
  return rate;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

const commands = { measure };

export type LimitCommands = typeof commands;
serve(commands);

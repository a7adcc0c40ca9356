import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testPostgresUrl } from '../packages/server/test-support/database.ts';
import { operationsOf, type ApiDocument, type Operation } from '../packages/server/test-support/fuzz/api-operations.ts';
import { answerChecks } from '../packages/server/test-support/fuzz/check-answer.ts';
import { rawClient, type RawRequest } from '../packages/server/test-support/fuzz/raw-request.ts';
import { requestsTo, type Known } from '../packages/server/test-support/fuzz/request-arbitrary.ts';
import { startServer, type RunningServer } from './harness/server.ts';
import { makeTenant } from './harness/tenant.ts';

/** Requests to each operation. `npm run fuzz` sends more. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 15);
/** `npm run fuzz -- --seed …` repeats a failure. */
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Things of each kind, and good values for fields. Webhooks lead to a closed port of this machine. */
async function prepare(server: RunningServer): Promise<Known> {
  const results = await makeTenant(server, 'results', { inbound: true });
  const others = [await makeTenant(server, 'generic'), await makeTenant(server, 'revos', { inbound: true })];
  const url = 'http://127.0.0.1:9/hook';
  const webhook = await results.webhook({ url });
  await results.call('POST', '/goals', { id: 'revenue', name: 'Revenue', direction: 'maximize' });
  const target = { kind: 'goal', id: 'revenue' };
  const hook = await results.call<{ id: string; publicId: string; url: string }>('POST', '/inbound-hooks', { target });
  const event = await results.emit('goal.created', {}).catch(() => null);
  const { data: events } = await results.call<{ data: { id: string }[] }>('GET', '/events');
  const { data: deliveries } = await results.call<{ data: { id: string }[] }>('GET', '/deliveries');
  const parameters = {
    org: [results.id, ...others.map(({ id }) => id)],
    webhook: [webhook.id],
    event: [...(event ? [event.id] : []), ...events.map(({ id }) => id)],
    delivery: deliveries.map(({ id }) => id),
    goal: ['revenue'],
    hook: [hook.id],
    kind: ['goal', 'thing', 'object'],
    target: [hook.publicId],
    key: [hook.url.split('/').at(-1)],
    digest: ['daily', 'accounts', 'digest'],
    id: ['one', webhook.id],
  };
  const fields = {
    url: [url, 'http://127.0.0.1:9/', 'http://[::1]:9/x'],
    events: [['*'], ['a.b', 'c.*'], []],
    type: ['a.b', 'goal.created', 'score.changed'],
    product: ['generic', 'results', 'revos'],
    timeZone: ['Europe/Berlin', 'UTC', null],
    target: [target],
    kind: ['goal', 'thing'],
    data: [{}, { a: 1 }],
    state: [{}, { a: [1, { b: null }] }],
  };
  return { parameters, fields, key: server.rootKey };
}

/** Deletions last, for what they delete is needed; an organization of its own for those of organizations. */
function inOrder(operations: readonly Operation[]): Operation[] {
  const isLate = ({ method, path }: Operation): boolean => method === 'DELETE' || path.endsWith('/inbound-maintenance');
  return [...operations.filter((one) => !isLate(one)), ...operations.filter(isLate)];
}

function shown({ method, target, headers, body }: RawRequest): string {
  const { authorization: _key, ...others } = headers;
  return `${method} ${target} ${JSON.stringify(others)} ${body === null ? '' : JSON.stringify(body.toString().slice(0, 2_000))}`;
}

test(
  `every operation answers whatever is sent as the document declares, without a 5xx (FUZZ_SEED=${SEED})`,
  async () => {
    await using place = await testPostgresUrl();
    await using server = await startServer({ databaseUrl: place.url, environment: { POSTHORN_LOG_LEVEL: 'error' } });
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as ApiDocument;
    const known = await prepare(server);
    const doomed = { ...known, parameters: { ...known.parameters, org: [(await makeTenant(server)).id] } };
    const check = answerChecks(document);
    using client = rawClient(server.url);
    const operations = inOrder(operationsOf(document));
    expect(operations.length).toBeGreaterThan(50);
    const wrong: string[] = [];
    const succeeded = new Set<string>();
    for (const operation of operations) {
      const requests = requestsTo(operation, operation.name === 'delete /v1/organizations/{org}' ? doomed : known);
      const result = await fc.check(
        fc.asyncProperty(requests, async (request) => {
          const answer = await client.send(request);
          if (answer.status < 300) succeeded.add(operation.name);
          const problem = check(operation, answer);
          if (problem !== null) throw new Error(`${shown(request)}\n  ${problem}\n  ${answer.body.slice(0, 500)}`);
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: RUNS < 100 },
      );
      if (result.failed) wrong.push(`${operation.name}: ${String(result.errorInstance)}`);
    }
    expect(wrong.join('\n\n')).toBe('');
    // Else all would be refused at the door.
    expect(succeeded.size).toBeGreaterThan(operations.length / 2);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  },
  60_000 + RUNS * 20_000,
);

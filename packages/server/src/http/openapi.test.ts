import { ERRORS } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../telemetry/log.ts';
import type { IdempotentRequests } from '../access/idempotent-requests.ts';
import type { Authenticator } from '../access/authenticator.ts';
import { registerRoutes, type Services } from './routes.ts';
import { createHttpServer } from './server.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { readonly name?: string; readonly in?: string; readonly required?: boolean; readonly $ref?: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly $ref?: string; readonly content?: unknown }>>;
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: { readonly Problem: { readonly properties: { readonly code: { enum: string[]; description: string } } } };
  };
}

let app: FastifyInstance;
let url: string;
let document: Document;
let operations: [name: string, path: string, operation: Operation][];
const routes: string[] = [];

beforeAll(async () => {
  // Registering a route describes it. Its services are only used by requests.
  const services = {
    config: { inbox: true, trustedProxies: [] as string[] },
    inbound: {},
    intake: {},
    objects: {},
    now: () => 0,
  } as unknown as Services;
  const { api, open } = registerRoutes(services);
  app = await createHttpServer({
    log: createLog('silent'),
    authenticator: {} as Authenticator,
    idempotency: {} as IdempotentRequests,
    api(scope) {
      scope.addHook('onRoute', ({ method, url: path }) => {
        for (const one of [method].flat()) if (one !== 'HEAD') routes.push(`${one.toLowerCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`);
      });
      return api(scope);
    },
    open,
  });
  url = await app.listen({ host: '127.0.0.1', port: 0 });
  document = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
  operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, string, Operation] => [`${method} ${path}`, path, operation]),
  );
});

afterAll(async () => app.close());

test('it is an OpenAPI 3.1 document of this version', () => {
  expect(document.openapi).toMatch(/^3\.1\.\d$/);
  expect(document.info).toMatchObject({ title: 'Posthorn', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  expect(operations.length).toBeGreaterThan(25);
});

test('every operation has a unique id, a summary, a tag, a described success and the problem', () => {
  expect(new Set(operations.map(([, , { operationId }]) => operationId)).size).toBe(operations.length);
  for (const [name, , { operationId, summary, tags, responses }] of operations) {
    expect([name, operationId]).toEqual([name, expect.stringMatching(/^[a-z][A-Za-z0-9]+$/)]);
    expect([name, summary, tags]).toEqual([name, expect.stringMatching(/./), [expect.stringMatching(/./)]]);
    expect([name, responses['default']]).toEqual([name, { $ref: '#/components/responses/Problem' }]);
    const success = Object.entries(responses).filter(([status]) => /^2\d\d$/.test(status));
    // A route that may create returns 201 or 200.
    expect([name, success.length]).toEqual([name, /^put .*objects/.test(name) ? 2 : 1]);
    for (const [, { description }] of success) expect([name, description]).toEqual([name, expect.stringMatching(/./)]);
  }
});

test('parameters in the path are declared, each once, and required', () => {
  for (const [name, path, { parameters = [] }] of operations) {
    const declared = parameters.filter((parameter) => parameter.in === 'path');
    expect([name, new Set(declared.map((parameter) => parameter.name))]).toEqual([
      name,
      new Set([...path.matchAll(/\{(\w+)\}/g)].map(([, word]) => word)),
    ]);
    expect(declared.every(({ required }) => required === true)).toBe(true);
  }
});

test('every POST documents the Idempotency-Key', () => {
  const reference = { $ref: '#/components/parameters/IdempotencyKey' };
  for (const [name, , { parameters = [] }] of operations) {
    expect([name, parameters.some(({ $ref }) => $ref === reference.$ref)]).toEqual([name, name.startsWith('post ')]);
  }
});

test('every reference can be resolved', () => {
  const text = JSON.stringify(document);
  const references = new Set([...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, target]) => target ?? ''));
  expect(references.size).toBeGreaterThan(1);
  for (const target of references) {
    const found = target
      .replace('#/', '')
      .split('/')
      .reduce<unknown>(
        (value, part) => (typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === part)?.[1] : null),
        document,
      );
    expect([target, typeof found]).toEqual([target, 'object']);
  }
});

test('every error code is documented, and no other', () => {
  const { code } = document.components.schemas.Problem.properties;
  expect(new Set(code.enum)).toEqual(new Set(Object.keys(ERRORS)));
  for (const [name, { status }] of Object.entries(ERRORS)) expect(code.description).toContain(`\`${name}\` (${status})`);
});

test('every route under /v1 is in the document, the public one of inbound hooks, and nothing else', () => {
  expect(routes.length).toBeGreaterThan(25);
  expect(new Set(operations.map(([name]) => name))).toEqual(new Set([...routes, 'post /in/{kind}/{target}/{key}']));
  expect(operations.length).toBe(routes.length + 1);
});

test('/docs loads everything from this server, and its policy forbids other addresses', async () => {
  const page = await fetch(`${url}/docs`);
  const html = await page.text();
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(html).not.toMatch(/https?:/);
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'sha256-[\w+/=]{44}';/);
  expect(policy).not.toMatch(/https?:|\*/);
  const [, script = ''] = /<script src="([^"]+)"/.exec(html) ?? [];
  const loaded = await fetch(new URL(script, page.url));
  expect(loaded.headers.get('content-type')).toContain('javascript');
  expect((await loaded.text()).length).toBeGreaterThan(1_000_000);
});

import swagger from '@fastify/swagger';
import reference from '@scalar/fastify-api-reference';
import type { FastifyInstance } from 'fastify';
import { VERSION } from '../telemetry/version.ts';

const DESCRIPTION = `Events in, signed webhooks out.

Every request carries \`Authorization: Bearer <key>\`. Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problems
with a stable \`code\`. Lists are paged: pass \`nextCursor\` on as \`cursor\`. A POST may carry an \`Idempotency-Key\`:
repeated within 24 hours it gets the first answer again.`;

const STRING = { type: 'string' as const };
const INTEGER = { type: 'integer' as const };

/** The answer of everything that goes wrong. */
const PROBLEM = {
  type: 'object' as const,
  required: ['type', 'title', 'status', 'detail', 'code'] as string[],
  properties: {
    type: STRING,
    title: STRING,
    status: INTEGER,
    detail: STRING,
    code: { ...STRING, description: 'Stable; see docs/errors.md.' },
    errors: {
      type: 'array' as const,
      items: { type: 'object' as const, properties: { path: STRING, rule: STRING, message: STRING } },
    },
    requestId: STRING,
  },
};

/** /openapi.json, made from the schemas that requests are checked against, and /docs to try the API. Before any route. */
export async function openApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Posthorn', version: VERSION, description: DESCRIPTION, license: { name: 'Apache-2.0' } },
      components: {
        securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
        schemas: { Problem: PROBLEM },
      },
      security: [{ key: [] }],
    },
    hideUntagged: true,
    transform: ({ schema, url }) => ({ schema: withProblem(schema), url }),
  });
  app.get('/openapi.json', async () => app.swagger());
  await app.register(reference, {
    routePrefix: '/docs',
    configuration: { url: '/openapi.json', withDefaultFonts: false, telemetry: false },
  });
}

type RouteSchema = Parameters<NonNullable<swagger.FastifyDynamicSwaggerOptions['transform']>>[0]['schema'];

function withProblem(schema: RouteSchema): RouteSchema {
  if (typeof schema?.response !== 'object') return schema;
  return {
    ...schema,
    response: { ...schema.response, default: { description: 'A problem', content: { 'application/problem+json': { schema: PROBLEM } } } },
  };
}

import { hash } from 'node:crypto';
import swagger from '@fastify/swagger';
import reference from '@scalar/fastify-api-reference';
import type { FastifyInstance } from 'fastify';
import { VERSION } from '../telemetry/version.ts';
import { completeDocument, type ApiDocument } from './openapi-document.ts';

const DESCRIPTION = `Posthorn accepts events and delivers them as signed webhooks.

Send \`Authorization: Bearer <key>\` with every request. Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problems
with a stable \`code\`. Lists are paged: to get the next page, send \`nextCursor\` as \`cursor\`. Any POST may have an
\`Idempotency-Key\`: a repeat within 24 hours returns the first response.`;

/** Serves /openapi.json, built from the schemas that validate requests, and /docs. Must be registered first. */
export async function openApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Posthorn',
        version: VERSION,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
    },
    hideUntagged: true,
  });
  let document: string | null = null;
  app.get('/openapi.json', async (_request, reply) => {
    document ??= JSON.stringify(completeDocument(JSON.parse(JSON.stringify(app.swagger())) as ApiDocument));
    return reply.type('application/json').header('x-content-type-options', 'nosniff').send(document);
  });
  await app.register(docs);
}

/** The page loads its scripts from this server. The policy keeps it from loading anything from elsewhere. */
async function docs(app: FastifyInstance): Promise<void> {
  app.addHook('onSend', async (_request, reply, payload) => {
    void reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
    if (typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')) {
      void reply.header('content-security-policy', policyFor(payload));
    }
  });
  await app.register(reference, {
    routePrefix: '/docs',
    configuration: {
      pageTitle: 'Posthorn API',
      url: '/openapi.json',
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      mcp: { disabled: true },
      showDeveloperTools: 'never',
      hideClientButton: true,
    },
  });
}

/** Allows scripts of this server and the page's inline script. The reference sets its styles from a script. */
function policyFor(html: string): string {
  const [, inline = ''] = /<script type="text\/javascript">([^]*?)<\/script>/.exec(html) ?? [];
  const digest = hash('sha256', inline, 'base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${digest}'`,
    "style-src 'self' 'unsafe-inline'",
    "connect-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "worker-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

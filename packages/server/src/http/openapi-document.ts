import { ERRORS, type ErrorCode } from '@posthorn/protocol';

/** The parts of an OpenAPI 3.1 document that this module completes (https://spec.openapis.org/oas/v3.1.0). */
export interface ApiDocument {
  components?: object;
  security?: object[];
  paths?: Record<string, Partial<Record<string, Operation>>>;
}

interface Operation {
  operationId?: string;
  parameters?: object[];
  responses?: Record<string, object>;
}

const STRING = { type: 'string' as const };
const CODES = Object.keys(ERRORS) as ErrorCode[];

/** Components that the operations refer to. */
const COMPONENTS = {
  securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key: a root key, or an organization’s key.' } },
  schemas: {
    Problem: {
      type: 'object',
      required: ['type', 'title', 'status', 'detail', 'code'],
      properties: {
        type: { ...STRING, format: 'uri' },
        title: { ...STRING, description: 'The same for every occurrence of the code.' },
        status: { type: 'integer' },
        detail: { ...STRING, description: 'What is wrong and what to do, for people. The text may change.' },
        code: { ...STRING, enum: CODES, description: `Stable:\n\n${codeList()}` },
        errors: {
          type: 'array',
          description: 'The failing fields.',
          items: {
            type: 'object',
            required: ['path', 'rule', 'message'],
            properties: { path: { ...STRING, description: 'A JSON Pointer to the field.' }, rule: STRING, message: STRING },
          },
        },
        requestId: { ...STRING, description: 'The request’s id in the server’s log.' },
      },
    },
  },
  responses: {
    Problem: {
      description: 'The request failed. `code` says why.',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  },
  parameters: {
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'A repeat of the same request within 24 hours returns the first response.',
      schema: { ...STRING, pattern: '^[\\x21-\\x7e]{1,255}$' },
    },
  },
} as const;

/** Adds authentication, and to every operation its id and error response, and to each POST its Idempotency-Key. */
export function completeDocument(document: ApiDocument): ApiDocument {
  document.components = COMPONENTS;
  document.security = [{ key: [] }];
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(item)) if (operation) complete(operation, method, path);
  }
  return document;
}

function complete(operation: Operation, method: string, path: string): void {
  operation.operationId = operationId(method, path);
  operation.responses = { ...operation.responses, default: { $ref: '#/components/responses/Problem' } };
  if (method === 'post') operation.parameters = [...(operation.parameters ?? []), { $ref: '#/components/parameters/IdempotencyKey' }];
}

/** Returns a stable, unique id such as `postOrganizationsByOrgApiKeys`. */
function operationId(method: string, path: string): string {
  const words = path
    .replace(/^\/v1\//, '')
    .replaceAll('{', 'by-')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function codeList(): string {
  return CODES.map((code) => `- \`${code}\` (${ERRORS[code].status}): ${ERRORS[code].title}`).join('\n');
}

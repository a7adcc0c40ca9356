import { ERRORS, type ErrorCode } from '@posthorn/protocol';

/** Of an OpenAPI 3.1 document what is completed here (https://spec.openapis.org/oas/v3.1.0). */
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

/** What every operation shares: named once in the document, referred to by each. */
const COMPONENTS = {
  securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'An API key: the root key, or one of an organization.' } },
  schemas: {
    Problem: {
      type: 'object',
      required: ['type', 'title', 'status', 'detail', 'code'],
      properties: {
        type: { ...STRING, format: 'uri' },
        title: { ...STRING, description: 'The same for every occurrence.' },
        status: { type: 'integer' },
        detail: { ...STRING, description: 'For people; may change.' },
        code: { ...STRING, enum: CODES, description: `Stable:\n\n${codeList()}` },
        errors: {
          type: 'array',
          description: 'Each failing field.',
          items: {
            type: 'object',
            required: ['path', 'rule', 'message'],
            properties: { path: { ...STRING, description: 'A JSON Pointer.' }, rule: STRING, message: STRING },
          },
        },
        requestId: { ...STRING, description: 'Finds the request in the server’s log.' },
      },
    },
  },
  responses: {
    Problem: {
      description: 'It was not done; `code` says why.',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  },
  parameters: {
    IdempotencyKey: {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'Repeated with the same request within 24 hours, the first answer is given again.',
      schema: { ...STRING, pattern: '^[\\x21-\\x7e]{1,255}$' },
    },
  },
} as const;

/** Says how to authenticate, and gives every operation its id, the answer of everything that goes wrong, and to each POST its Idempotency-Key. */
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

/** As `postOrganizationsByOrgApiKeys`: stable, and different for every operation. */
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

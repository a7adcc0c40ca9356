import { ERRORS } from '@posthorn/protocol';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { ApiDocument, Operation } from './api-operations.ts';
import type { RawAnswer } from './raw-request.ts';

/** Says what of an answer is not as the document declares it; null: nothing. */
export type CheckAnswer = (operation: Operation, answer: RawAnswer) => string | null;

export function answerChecks(document: ApiDocument): CheckAnswer {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'api', components: document.components });
  const validators = new Map<string, ValidateFunction>();

  function wrongShape(operation: Operation, status: string, body: unknown): string | null {
    const declared = operation.answers[status];
    if (!declared) return `has a body, but none is declared for ${status}`;
    const name = `${operation.name} ${status}`;
    const text = JSON.stringify(declared.schema).replaceAll('"#/components', '"api#/components');
    const validate = validators.get(name) ?? ajv.compile(JSON.parse(text) as object);
    validators.set(name, validate);
    return validate(body) ? null : `is not as declared for ${status}: ${ajv.errorsText(validate.errors)}`;
  }

  return (operation, { status, headers, body }) => {
    if (status >= 500 && status !== 503) return `is ${status}`;
    if (status === 503 && headers['retry-after'] === undefined) return 'is 503 without Retry-After';
    const isDeclared = String(status) in operation.answers;
    if (status < 400 && !isDeclared) return `is ${status}, which is not declared`;
    const key = isDeclared ? String(status) : 'default';
    const declared = operation.answers[key];
    if (!declared) return body === '' ? null : `is ${status} with a body: ${body.slice(0, 200)}`;
    const type = String(headers['content-type']).split(';', 1)[0] ?? '';
    if (type !== declared.type) return `is of type ${type} instead of ${declared.type}`;
    const parsed = parse(body);
    return parsed === undefined
      ? `is no JSON: ${body.slice(0, 200)}`
      : (wrongShape(operation, key, parsed) ?? wrongProblem(status, key, parsed));
  };
}

function wrongProblem(status: number, key: string, body: unknown): string | null {
  if (key !== 'default') return null;
  const { code, status: told } = body as { code: string; status: number };
  if (told !== status) return `says ${told} in a ${status}`;
  const known = Object.entries(ERRORS).find(([name]) => name === code)?.[1];
  return known?.status === status ? null : `has the code ${code} in a ${status}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

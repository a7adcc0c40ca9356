import { ERRORS, PosthornError, type ErrorCode } from '@posthorn/protocol';
import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { answerError, problemOf, wrongShape } from './problem.ts';

async function answerTo(error: unknown): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const app = fastify();
  app.setErrorHandler(answerError);
  app.get('/', () => {
    throw error;
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  try {
    const response = await fetch(url);
    return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
  } finally {
    app.server.closeAllConnections();
    await app.close();
  }
}

test('every code has its status, title and section in the documentation', () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const problem = problemOf(new PosthornError(code, 'Why.'), 'request-1');
    expect(problem).toEqual({
      type: `https://posthorn.dev/errors#${code}`,
      title: ERRORS[code].title,
      status: ERRORS[code].status,
      detail: 'Why.',
      code,
      requestId: 'request-1',
    });
  }
});

test('it is sent as application/problem+json, with Retry-After if there is one', async () => {
  const answer = await answerTo(new PosthornError('overloaded', 'Full.', { retryAfterSeconds: 7 }));
  expect(answer).toMatchObject({ status: 503, body: { code: 'overloaded', detail: 'Full.', requestId: expect.stringMatching(/./) } });
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.headers.get('retry-after')).toBe('7');
});

test.each([
  [new Error('secret of the database')],
  [Object.assign(new Error('secret'), { code: '42P01' })],
  ['secret'],
  [{ statusCode: 418 }],
])('an unexpected error shows no details: %j', async (error) => {
  const answer = await answerTo(error);
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal', title: 'Unexpected error' } });
  expect(JSON.stringify(answer.body)).not.toMatch(/secret|418/);
});

test('each violation of a schema is named with path, rule and message', () => {
  const issue = { schemaPath: '', instancePath: '/a' };
  const error = wrongShape([
    { ...issue, keyword: 'additionalProperties', params: { additionalProperty: 'x/y~z' }, message: '' },
    { ...issue, keyword: 'required', params: { missingProperty: 'b' }, message: '' },
    { ...issue, keyword: 'enum', params: { allowedValues: ['p', 'q'] }, message: '' },
    { ...issue, keyword: 'const', params: { allowedValue: 1 }, message: '' },
    { ...issue, keyword: 'if', params: {}, message: 'says nothing' },
    { ...issue, keyword: 'maxLength', params: { limit: 3 }, message: 'must not have more than 3 characters' },
  ]);
  expect(error.errors).toEqual([
    { path: '/a/x~1y~0z', rule: 'unknown_field', message: 'is not a known field' },
    { path: '/a/b', rule: 'required', message: 'is required' },
    { path: '/a', rule: 'enum', message: 'must be one of p, q' },
    { path: '/a', rule: 'const', message: 'must be 1' },
    { path: '/a', rule: 'maxLength', message: 'must not have more than 3 characters' },
  ]);
  expect(error.message).toBe('/a/x~1y~0z is not a known field.');
});

test('a response stays small for any request', () => {
  const issues = Array.from({ length: 100_000 }, (_, index) => ({
    schemaPath: '',
    instancePath: '',
    keyword: 'additionalProperties',
    params: { additionalProperty: `${index}${'x'.repeat(10_000)}` },
    message: '',
  }));
  const error = wrongShape(issues);
  expect(error.errors).toHaveLength(50);
  expect(JSON.stringify(problemOf(error)).length).toBeLessThan(20_000);
});

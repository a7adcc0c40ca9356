import fc from 'fast-check';
import type { Operation, Parameter } from './api-operations.ts';
import { hostileBody, hostileText, hostileValue } from './hostile.ts';
import type { RawRequest } from './raw-request.ts';
import { nearlyValuesOf, valuesOf, type KnownValues } from './schema-arbitrary.ts';

/** What exists on the server, by the name of the parameter or field that names it. */
export interface Known {
  readonly parameters: KnownValues;
  readonly fields: KnownValues;
  readonly key: string;
}

/** Requests to one operation: most of them nearly right. */
export function requestsTo(operation: Operation, known: Known): fc.Arbitrary<RawRequest> {
  const { method, path, parameters, body } = operation;
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  return fc
    .record({
      path: fc.tuple(...inPath.map((parameter) => segments(parameter, known))),
      query: queries(
        parameters.filter((parameter) => parameter.in === 'query'),
        known,
      ),
      body: bodies(operation, known),
      headers: headers(operation),
    })
    .map(({ path: values, query, body: bytes, headers: more }) => ({
      method,
      target: inPath.reduce((target, { name }, index) => target.replace(`{${name}}`, values[index] ?? ''), path) + query,
      headers: { authorization: `Bearer ${known.key}`, ...(body !== null && { 'content-type': 'application/json' }), ...more },
      body: bytes,
    }));
}

/** Percent-encoded, or not quite. */
function segments({ name }: Parameter, { parameters }: Known): fc.Arbitrary<string> {
  const good = fc.constantFrom(...(parameters[name] ?? ['none']).map(String)).map(encodeURIComponent);
  // An empty one would be another address.
  const odd = hostileText.filter((text) => text !== '').map((text) => encodeURIComponent(text.toWellFormed()).slice(0, 1_500));
  const raw = fc.constantFrom('%', '%zz', '%E0%A4%A', '%ff', '%00', '%2e%2e', '%2F', '..', '.');
  return fc.oneof({ weight: 12, arbitrary: good }, { weight: 2, arbitrary: odd }, { weight: 1, arbitrary: raw });
}

function queries(parameters: readonly Parameter[], { parameters: known, fields }: Known): fc.Arbitrary<string> {
  const one = ({ name, schema }: Parameter): fc.Arbitrary<string> => {
    const values = known[name] ? fc.oneof(fc.constantFrom(...known[name]), valuesOf(schema, fields)) : valuesOf(schema, fields);
    const written = fc.oneof(
      { weight: 4, arbitrary: values.map((value) => encodeURIComponent(String(value).toWellFormed())) },
      { weight: 1, arbitrary: hostileText.map((text) => encodeURIComponent(text.toWellFormed()).slice(0, 1_500)) },
      { weight: 1, arbitrary: fc.constantFrom('', '%ff', '%zz', '%00') },
    );
    return written.map((value) => `${name}=${value}`);
  };
  const unknown = fc.constantFrom('unknown=1', '=', '&', 'limit', 'limit=1&limit=2', '__proto__=1', 'cursor[]=a', '%ff=1');
  const parts =
    parameters.length === 0
      ? unknown
      : fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...parameters).chain(one) }, { weight: 1, arbitrary: unknown });
  return fc.array(parts, { maxLength: parameters.length === 0 ? 1 : 3 }).map((all) => (all.length === 0 ? '' : `?${all.join('&')}`));
}

function bodies({ body, method }: Operation, { fields }: Known): fc.Arbitrary<Buffer | null> {
  const written = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');
  if (body !== null) {
    return fc.oneof(
      { weight: 12, arbitrary: nearlyValuesOf(body, fields).map(written) },
      { weight: 1, arbitrary: hostileValue.map(written) },
      { weight: 1, arbitrary: hostileBody },
    );
  }
  if (method === 'GET') return fc.constant(null);
  return fc.oneof({ weight: 4, arbitrary: fc.constant<Buffer | null>(null) }, { weight: 1, arbitrary: hostileBody });
}

function headers({ parameters, method }: Operation): fc.Arbitrary<Readonly<Record<string, string>>> {
  const keyed = parameters.some(({ name }) => name === 'Idempotency-Key');
  const none = fc.constant<Readonly<Record<string, string>>>({});
  const key = fc
    .oneof(fc.uuid(), fc.constantFrom('again', 'x', 'x'.repeat(255), 'x'.repeat(256), 'with space', '"quoted"', ''))
    .map((value) => ({ 'idempotency-key': value }));
  const condition = fc
    .constantFrom('*', '"1"', 'W/"1"', '"', '0', '"99999999999999999999"', ',')
    .chain((value) => fc.constantFrom({ 'if-match': value }, { 'if-none-match': value }));
  const type = fc
    .constantFrom('text/plain', 'application/json; charset=utf-16', 'application/x-www-form-urlencoded', 'x')
    .map((value) => ({ 'content-type': value }));
  return fc.oneof(
    { weight: 8, arbitrary: none },
    { weight: keyed ? 4 : 0, arbitrary: key },
    { weight: 1, arbitrary: condition },
    { weight: method === 'GET' ? 0 : 1, arbitrary: type },
  );
}

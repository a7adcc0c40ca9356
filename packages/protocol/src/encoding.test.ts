import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeContent, MAX_URL_CHARACTERS, type EncodeOptions } from './encoding.ts';

const URL_WITHOUT_QUERY = 'https://example.com/hook';
const POST: EncodeOptions = { url: URL_WITHOUT_QUERY, method: 'POST', contentType: 'application/json', formParameter: 'payload' };
const FORM: EncodeOptions = { ...POST, contentType: 'application/x-www-form-urlencoded' };
const GET: EncodeOptions = { ...POST, method: 'GET' };

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const text = (value: Uint8Array | string | null): string => (typeof value === 'string' ? value : Buffer.from(value ?? []).toString());
const jsonObject = fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4, noNullPrototype: true });

describe('POST', () => {
  test('JSON is sent as the stored bytes', () => {
    const json = bytes({ event: 'ä', deal: {} });
    expect(encodeContent(json, POST)).toEqual({ url: URL_WITHOUT_QUERY, contentType: 'application/json', body: json, signed: json });
  });

  test('VIR-03: a form carries the JSON in its parameter, spaces as +', () => {
    const { url, contentType, body, signed } = encodeContent(bytes({ a: 'b c&d=é' }), FORM);
    expect(text(body)).toBe('payload=%7B%22a%22%3A%22b+c%26d%3D%C3%A9%22%7D');
    expect({ url, contentType }).toEqual({ url: URL_WITHOUT_QUERY, contentType: 'application/x-www-form-urlencoded' });
    expect(signed).toEqual(body);
  });

  test('a form read back holds the stored JSON byte for byte', () => {
    fc.assert(
      fc.property(fc.json(), fc.string({ minLength: 1 }), (json, formParameter) => {
        const { body } = encodeContent(new TextEncoder().encode(json), { ...FORM, formParameter: formParameter.toWellFormed() });
        expect(new URLSearchParams(text(body)).get(formParameter.toWellFormed())).toBe(json.toWellFormed());
      }),
    );
  });
});

describe('RVP-06: GET', () => {
  const deal = { event: { id: 'e1', type: 'deal-signed' }, deal: { id: 'd1', name: 'A & B' } };

  test('has no body: event and object are added to the query, each as its JSON', () => {
    const { url, contentType, body, signed } = encodeContent(bytes(deal), GET);
    expect({ contentType, body }).toEqual({ contentType: null, body: null });
    expect(url).toBe(`${URL_WITHOUT_QUERY}?${text(signed)}`);
    const parameters = new URL(url).searchParams;
    expect([...parameters.keys()]).toEqual(['event', 'deal']);
    expect(parameters.get('event')).toBe('{"id":"e1","type":"deal-signed"}');
    expect(parameters.get('deal')).toBe('{"id":"d1","name":"A & B"}');
  });

  test.each([
    ['https://example.com/hook?key=a%20b', 'https://example.com/hook?key=a%20b&event='],
    ['https://example.com/hook?key=1&key=2&flag', 'https://example.com/hook?key=1&key=2&flag&event='],
    ['https://example.com/hook?', 'https://example.com/hook?event='],
    ['https://example.com/hook?key=1&', 'https://example.com/hook?key=1&event='],
    ['https://example.com', 'https://example.com?event='],
  ])('the query of %s is kept', (url, start) => {
    expect(encodeContent(bytes(deal), { ...GET, url }).url.startsWith(start)).toBe(true);
  });

  test('the query is added before a fragment', () => {
    const { searchParams, hash } = new URL(encodeContent(bytes(deal), { ...GET, url: 'https://example.com/#part?x#y' }).url);
    expect(searchParams.get('deal')).toBe(JSON.stringify(deal.deal));
    expect(hash).toBe('#part?x#y');
  });

  test('the added query string, which is signed, survives URL parsers unchanged', () => {
    fc.assert(
      fc.property(jsonObject, (body) => {
        const { url, signed } = encodeContent(bytes(body), { ...GET, url: 'https://example.com/?own=1' });
        expect(new URL(url).search).toBe(`?own=1&${text(signed)}`);
      }),
    );
  });

  test('the parameters decode to the body, and encoding again gives the same', () => {
    fc.assert(
      fc.property(jsonObject, (body) => {
        const json = bytes(body);
        const { signed } = encodeContent(json, GET);
        const entries = [...new URLSearchParams(text(signed))].map(([key, value]) => [key, JSON.parse(value)]);
        expect(Object.fromEntries(entries)).toEqual(JSON.parse(text(json)));
        expect(encodeContent(json, GET).signed).toBe(signed);
      }),
    );
  });

  test('a body that is not an object is one parameter', () => {
    expect(encodeContent(bytes([1, 'a']), GET).signed).toBe('payload=%5B1%2C%22a%22%5D');
  });

  describe('past 8,000 characters of URL', () => {
    const long = (part: object) => encodeContent(bytes({ event: { id: 'e1', type: 't' }, ...part }), GET).url;
    const filler = 'x'.repeat(MAX_URL_CHARACTERS);

    test('the object shrinks to its id, and the event stays whole', () => {
      const { searchParams } = new URL(long({ deal: { name: filler, id: 'd1', account_id: 'a1' } }));
      expect(searchParams.get('deal')).toBe('{"id":"d1"}');
      expect(searchParams.get('event')).toBe('{"id":"e1","type":"t"}');
    });

    test('an account, whose id has a name of its own, shrinks to that', () => {
      const { searchParams } = new URL(long({ account: { account_id: 'pigeon-001', name: filler } }));
      expect(searchParams.get('account')).toBe('{"id":"pigeon-001"}');
    });

    test('an object without an id shrinks too', () => {
      expect(new URL(long({ deal: { name: filler } })).searchParams.get('deal')).toBe('{"id":null}');
    });

    test('8,000 are accepted, one more is too many; the URL’s own query counts', () => {
      const short = long({ deal: { id: 'd1', name: '' } }).length;
      const fitting = { id: 'd1', name: 'x'.repeat(MAX_URL_CHARACTERS - short) };
      expect(long({ deal: fitting })).toHaveLength(MAX_URL_CHARACTERS);
      expect(long({ deal: { ...fitting, name: `${fitting.name}x` } }).length).toBeLessThan(200);
      const own = encodeContent(bytes({ event: { id: 'e1', type: 't' }, deal: fitting }), { ...GET, url: `${URL_WITHOUT_QUERY}?key=1` });
      expect(new URL(own.url).searchParams.get('deal')).toBe('{"id":"d1"}');
      expect(new URL(own.url).searchParams.get('key')).toBe('1');
    });

    test('what is signed is the shortened query, as sent', () => {
      const { url, signed } = encodeContent(bytes({ event: 'e', deal: { id: 'd1', name: filler } }), GET);
      expect(url).toBe(`${URL_WITHOUT_QUERY}?${text(signed)}`);
    });
  });
});

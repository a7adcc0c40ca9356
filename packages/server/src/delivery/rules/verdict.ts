import type { Failure, HeaderList, SuccessRule } from '@posthorn/protocol';

/** The parts of an exchange that the verdict depends on. */
export interface JudgedExchange {
  readonly response: {
    readonly status: number;
    readonly headers: HeaderList;
    /** As received, not decoded. */
    readonly body: Uint8Array;
    /** The body was longer than what was read. */
    readonly truncated: boolean;
  } | null;
  /** The transport's failure; null: a response arrived. */
  readonly failure: Failure | null;
}

export type Verdict =
  | { readonly kind: 'success' }
  | {
      readonly kind: 'failure';
      readonly failure: Failure;
      /** The endpoint is overloaded: a timeout, 429 or 503. */
      readonly overload: boolean;
      /** The endpoint responded 410: the webhook is disabled. */
      readonly gone: boolean;
    };

/** Decodes a content encoding (lower case, as in the header). null: unknown, broken or too large when decoded. */
export type Decode = (body: Uint8Array, contentEncoding: string) => Uint8Array | null;

const SUCCESS: Verdict = { kind: 'success' };

/** Judges an exchange by the webhook's success rule. A phrase is searched for as UTF-8 bytes in the decoded body. */
export function judge(exchange: JudgedExchange, rule: SuccessRule, decode: Decode): Verdict {
  const { response, failure } = exchange;
  if (failure !== null) return failed(failure, response?.status ?? null);
  if (response === null) return failed({ code: 'bad_response', message: 'There was no response.' }, null);
  const { status } = response;
  if (!isSuccessStatus(status, rule.status)) {
    return failed({ code: 'status', message: `The endpoint responded with ${status}; expected ${describeStatus(rule.status)}.` }, status);
  }
  if (rule.bodyContains === null || contains(response, rule.bodyContains, decode)) return SUCCESS;
  const where = response.truncated ? `The first ${response.body.length} bytes of the body do` : 'The body does';
  return failed({ code: 'body_mismatch', message: `${where} not contain “${rule.bodyContains}”.` }, status);
}

function failed(failure: Failure, status: number | null): Verdict {
  const overload = failure.code === 'timeout' || failure.code === 'connect_timeout' || status === 429 || status === 503;
  return { kind: 'failure', failure, overload, gone: status === 410 };
}

function isSuccessStatus(status: number, rule: SuccessRule['status']): boolean {
  return rule === '2xx' ? status >= 200 && status <= 299 : rule.includes(status);
}

function describeStatus(rule: SuccessRule['status']): string {
  return rule === '2xx' ? '2xx' : rule.join(', ');
}

function contains(response: NonNullable<JudgedExchange['response']>, phrase: string, decode: Decode): boolean {
  const encoding = contentEncoding(response.headers);
  const decoded = encoding === null ? null : decode(response.body, encoding);
  // A wrong content-encoding on a plain body is common, so the raw bytes are searched too.
  return (decoded !== null && includes(decoded, phrase)) || includes(response.body, phrase);
}

function includes(bytes: Uint8Array, phrase: string): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(phrase, 0, 'utf8');
}

function contentEncoding(headers: HeaderList): string | null {
  let encoding = '';
  for (const [name, value] of headers) {
    if (name.toLowerCase() === 'content-encoding') encoding += (encoding === '' ? '' : ', ') + value.trim().toLowerCase();
  }
  return encoding === '' || encoding === 'identity' ? null : encoding;
}

import { parseJson } from '@posthorn/protocol';
import { PosthornApiError, PosthornConnectionError, problemIn } from './api-error.ts';
import { backoff, retryAfterOf, waitBeforeRepeat } from './repeat.ts';

/** Options of `createClient`. */
export interface ClientOptions {
  /** The server's address, such as `http://127.0.0.1:8030`. */
  readonly url: string;
  /** An API key: the root key, or an organization's. */
  readonly key: string;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** How often a call is retried after a broken connection, 429, 502, 503 or 504, if that is safe. Default: 3. */
  readonly retries?: number;
  /** How long one try may take, in milliseconds. Default: 30,000. */
  readonly timeoutMs?: number;
  /** Waits between retries. Default: a timer. */
  readonly wait?: (milliseconds: number) => Promise<void>;
  /** Returns 0 to 1, and spreads the retries of many clients. Default: Math.random. */
  readonly random?: () => number;
}

/** Options of any call. */
export interface CallOptions {
  /** Aborts the call, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of a POST. */
export interface PostOptions extends CallOptions {
  /** Default: a new one for each call. Store your own to make a call only once across restarts of your process. */
  readonly idempotencyKey?: string;
}

/** Options of a call that changes an object. */
export interface ChangeOptions extends CallOptions {
  /** The version that the object must have, else `version_mismatch`; 0: it must not exist. */
  readonly version?: number;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Query = Readonly<Record<string, string | number | undefined>>;

interface Call {
  readonly method: Method;
  /** The segments of the path. Each is escaped. */
  readonly path: readonly string[];
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly options?: (PostOptions & ChangeOptions) | undefined;
}

/** Sends HTTP requests to the server. Throws PosthornApiError and PosthornConnectionError. */
export interface Transport {
  get<Result>(path: readonly string[], query?: object, options?: CallOptions): Promise<Result>;
  post<Result>(path: readonly string[], body?: object, options?: PostOptions): Promise<Result>;
  put<Result>(path: readonly string[], body: object, options?: ChangeOptions): Promise<Result>;
  patch<Result>(path: readonly string[], body: object, options?: ChangeOptions): Promise<Result>;
  delete(path: readonly string[], options?: ChangeOptions, query?: object): Promise<void>;
}

const DEFAULT_RETRIES = 3;
const DEFAULT_TIMEOUT_MS = 30_000;
/** The form that the server accepts. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** Throws RangeError for invalid options. */
export function createTransport(options: ClientOptions): Transport {
  const settings = resolve(options);
  const call = <Result>(one: Call): Promise<Result> => callWithRetries(settings, one) as Promise<Result>;
  return {
    get: (path, query, callOptions) => call({ method: 'GET', path, query: query as Query | undefined, options: callOptions }),
    post: (path, body = {}, callOptions = {}) => call({ method: 'POST', path, body, options: callOptions }),
    put: (path, body, callOptions) => call({ method: 'PUT', path, body, options: callOptions }),
    patch: (path, body, callOptions) => call({ method: 'PATCH', path, body, options: callOptions }),
    async delete(path, callOptions, query) {
      await call({ method: 'DELETE', path, query: query as Query | undefined, options: callOptions });
    },
  };
}

type Settings = Required<ClientOptions>;

function resolve(options: ClientOptions): Settings {
  if (!URL.canParse(options.url) || !/^https?:/i.test(options.url))
    throw new RangeError('url must be the http or https address of a Posthorn server.');
  if (!/^[\x21-\x7e]+$/.test(options.key)) throw new RangeError('key must be an API key: visible ASCII characters without spaces.');
  return {
    fetch: globalThis.fetch,
    retries: DEFAULT_RETRIES,
    timeoutMs: DEFAULT_TIMEOUT_MS,
    wait: (milliseconds) => new Promise((done) => void setTimeout(done, milliseconds)),
    random: Math.random,
    ...options,
  };
}

async function callWithRetries(settings: Settings, call: Call): Promise<unknown> {
  const prepared = prepare(settings, call);
  for (let tries = 0; ; tries++) {
    try {
      return await tryOnce(settings, call, prepared);
    } catch (error) {
      call.options?.signal?.throwIfAborted();
      const repeatable = { method: call.method, namesVersion: call.options?.version !== undefined };
      const wait = waitBeforeRepeat(error, repeatable, backoff(tries, settings.random()));
      if (wait === null || tries >= settings.retries) throw error;
      await settings.wait(wait);
      call.options?.signal?.throwIfAborted();
    }
  }
}

interface Prepared {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

/** Prepared once for all tries, because the server compares the bodies of one Idempotency-Key. */
function prepare(settings: Settings, { method, path, query, body, options }: Call): Prepared {
  const headers: Record<string, string> = { authorization: `Bearer ${settings.key}`, accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method === 'POST') headers['idempotency-key'] = idempotencyKey(options);
  if (options?.version === 0) headers['if-none-match'] = '*';
  else if (options?.version !== undefined) headers['if-match'] = `"${options.version}"`;
  return { url: addressOf(settings.url, path, query), headers, body: body === undefined ? null : JSON.stringify(body) };
}

function idempotencyKey({ idempotencyKey: given }: PostOptions = {}): string {
  if (given === undefined) return crypto.randomUUID();
  if (!IDEMPOTENCY_KEY.test(given)) throw new RangeError('idempotencyKey must be 1 to 255 visible ASCII characters.');
  return given;
}

function addressOf(base: string, path: readonly string[], query: Query = {}): string {
  const parameters = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  const search = parameters.length === 0 ? '' : `?${new URLSearchParams(parameters).toString()}`;
  return `${base.replace(/[?#].*$/s, '').replace(/\/+$/, '')}/v1/${path.map(escapePart).join('/')}${search}`;
}

/** URL parsers resolve `.` and `..`, even when escaped, so such an id would address another resource. */
function escapePart(part: string): string {
  if (part === '' || part === '.' || part === '..') throw new RangeError(`${JSON.stringify(part)} is not a valid id.`);
  return encodeURIComponent(part);
}

async function tryOnce(settings: Settings, { method, options }: Call, { url, headers, body }: Prepared): Promise<unknown> {
  // Destructured, because a browser's fetch must not be called as a method of another object.
  const { fetch, timeoutMs } = settings;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = options?.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  try {
    // Does not follow redirects: a POST would become a GET, or be sent elsewhere with its body.
    const response = await fetch(url, { method, headers, body, signal, redirect: 'manual' });
    return read(response, await response.text());
  } catch (error) {
    if (error instanceof PosthornApiError) throw error;
    const { pathname } = new URL(url);
    if (deadline.aborted) {
      throw new PosthornConnectionError('timeout', `${method} ${pathname}: no response within ${timeoutMs} ms.`, error);
    }
    throw new PosthornConnectionError('unreachable', `${method} ${pathname}: the server is unreachable.`, error);
  }
}

function read(response: Response, text: string): unknown {
  if (response.status === 204) return undefined;
  const value = parse(text);
  if (response.ok && value !== undefined) return value;
  const retryAfter = retryAfterOf(response.headers);
  const problem = response.ok ? null : problemIn(value);
  if (problem) throw new PosthornApiError(problem, retryAfter);
  const detail = `The response, with status ${response.status}, is not from Posthorn. Check the url and any proxy.`;
  throw new PosthornApiError({ code: 'unexpected_answer', status: response.status, detail }, retryAfter);
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

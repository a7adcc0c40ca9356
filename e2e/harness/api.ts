export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ApiRequest {
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiAnswer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** Calls to a server with its root key. Answers are taken to have the type that the test names. */
export interface Api {
  /** Sends one request; whatever it answers is an answer. */
  request<Body>(method: Method, path: string, request?: ApiRequest): Promise<ApiAnswer<Body>>;
  /** Sends one request and expects a 2xx. Throws with the problem otherwise. */
  call<Body>(method: Method, path: string, body?: unknown): Promise<Body>;
}

export function createApi(url: string, key: string): Api {
  async function request<Body>(method: Method, path: string, { body, headers = {} }: ApiRequest = {}): Promise<ApiAnswer<Body>> {
    const json = body === undefined ? null : JSON.stringify(body);
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(json === null ? {} : { 'content-type': 'application/json' }), ...headers },
      body: json,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? null : JSON.parse(text)) as Body };
  }

  async function call<Body>(method: Method, path: string, body?: unknown): Promise<Body> {
    const answer = await request<Body>(method, path, { body });
    if (answer.status >= 200 && answer.status <= 299) return answer.body;
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }

  return { request, call };
}

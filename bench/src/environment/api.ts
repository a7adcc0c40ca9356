/** The few calls of the API that set a measurement up. */
export interface Api {
  createOrganization(id: string, more?: object): Promise<void>;
  createWebhook(organization: string, webhook: WebhookInput): Promise<void>;
  /** POST below the organizations; answers the body. */
  post<Body>(path: string, body: unknown): Promise<Body>;
}

export interface WebhookInput {
  readonly url: string;
  readonly events?: readonly string[];
  readonly timeoutMs?: number;
  readonly ordered?: boolean;
  readonly retry?: object;
}

export function apiOf(server: { readonly port: number; readonly rootKey: string }): Api {
  const post = async <Body>(path: string, body: unknown): Promise<Body> => {
    const response = await fetch(`http://127.0.0.1:${server.port}/v1/organizations${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.rootKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`POST /v1/organizations${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Body;
  };
  return {
    post,
    async createOrganization(id, more = {}) {
      await post('', { id, name: id, product: 'generic', ...more });
    },
    async createWebhook(organization, { url, events = ['*'], ...rest }) {
      await post(`/${organization}/webhooks`, { url, events, ...rest });
    },
  };
}

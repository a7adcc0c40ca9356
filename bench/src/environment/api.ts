/** The few calls of the API that set a measurement up. */
export interface Api {
  createOrganization(id: string): Promise<void>;
  createWebhook(organization: string, webhook: WebhookInput): Promise<void>;
}

export interface WebhookInput {
  readonly url: string;
  readonly events?: readonly string[];
  readonly timeoutMs?: number;
}

export function apiOf(server: { readonly port: number; readonly rootKey: string }): Api {
  const post = async (path: string, body: unknown): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${server.port}/v1/organizations${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.rootKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`POST /v1/organizations${path} answered ${response.status}: ${await response.text()}`);
    await response.arrayBuffer();
  };
  return {
    createOrganization: (id) => post('', { id, name: id, product: 'generic' }),
    createWebhook: (organization, { url, events = ['*'], ...rest }) => post(`/${organization}/webhooks`, { url, events, ...rest }),
  };
}

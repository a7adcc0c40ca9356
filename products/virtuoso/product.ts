import { defineProduct, ExactNumber, hmacSignature, NO_RETRY, standardWebhooks, type JsonObject } from '@posthorn/sdk';
import { execution } from './schemas.ts';
import { finishedExecution } from './samples.ts';

const lifecycle = (event: string, description: string) => ({
  group: 'Execution',
  description,
  schema: execution,
  sample: { ...finishedExecution, execution: { ...finishedExecution.execution, status: event } },
});

/** Returns the project that a scope such as `project:4889` names. */
const projectOf = (scope: string | null): JsonObject | null => {
  const id = /^project:(.+)$/s.exec(scope ?? '')?.[1];
  return id === undefined ? null : { id: numeric(id) };
};

/** Returns a numeric id as a number. */
const numeric = (id: string): string | number => (/^[1-9]\d{0,14}$/.test(id) ? Number(id) : id);

/**
 * Virtuoso: webhooks of a project. The events of one execution arrive in order. There are no automatic retries; every
 * delivery can be viewed and redelivered by hand.
 */
export const virtuoso = defineProduct({
  name: 'virtuoso',
  title: 'Virtuoso',
  events: {
    'EXECUTION.LAUNCHED': lifecycle('LAUNCHED', 'An execution was launched.'),
    'EXECUTION.STARTED': lifecycle('STARTED', 'An execution has started.'),
    'EXECUTION.UPDATED': lifecycle('UPDATED', 'An execution has changed while it runs.'),
    'EXECUTION.FINISHED': lifecycle('FINISHED', 'An execution has finished.'),
    PING: {
      group: 'Ping',
      description: 'Sent when a webhook is created, and on demand.',
      sample: { project: null, webhookId: 'w-1', webhook: {} },
    },
  },
  objects: {
    /** Its name is shown in pings of webhooks with the scope `project:<id>`. */
    project: {},
  },
  context: (_type, { execution: run, project }) => ({
    ...idIn(run, (id) => ({ subject: { kind: 'execution', id } })),
    ...idIn(project, (id) => ({ scope: `project:${id}` })),
  }),
  envelope: ({ type: name, data, sender, scope, organization: { id, name: title } }) => {
    const organization = { id: numeric(id), name: title };
    if (name === 'PING') return { type: 'PING', sender, organization, ...data };
    const [type = name, event = null] = name.split('.');
    return {
      type,
      event,
      execution: data['execution'] ?? null,
      goal: data['goal'] ?? null,
      sender: sender ?? data['sender'] ?? null,
      project: data['project'] ?? projectOf(scope),
      snapshot: data['snapshot'] ?? null,
      organization: data['organization'] ?? organization,
    };
  },
  ping: {
    type: 'PING',
    onCreate: true,
    data: ({ webhook, scope, about }) => {
      const project = projectOf(scope);
      return {
        project: project && about ? { ...project, name: about.state['name'] ?? null } : project,
        webhookId: webhook.id,
        webhook: { ...webhook, events: [...webhook.events] },
      };
    },
  },
  delivery: {
    url: 'http-or-https',
    contentTypes: ['application/json', 'application/x-www-form-urlencoded'],
    success: { status: '2xx', bodyContains: null },
    timeoutMs: 30_000,
    retry: NO_RETRY,
    disableAfterMs: null,
    secret: 'optional',
    formParameter: 'payload',
    ordered: true,
    signatures: [
      standardWebhooks(),
      hmacSignature({ header: 'X-Virtuoso-Signature', algorithm: 'sha1', encoding: 'hex', prefix: 'sha1=' }),
    ],
  },
});

/** Calls `from` with a thing's id; returns undefined if it has none. */
function idIn<Result>(thing: unknown, from: (id: string) => Result): Result | undefined {
  if (typeof thing !== 'object' || thing === null || !('id' in thing)) return undefined;
  const { id } = thing;
  return typeof id === 'string' || typeof id === 'number' || id instanceof ExactNumber ? from(String(id)) : undefined;
}

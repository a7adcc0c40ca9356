import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS, PosthornError } from '@posthorn/protocol';
import { INBOUND_METHOD, type Admitted, type Receiver } from '../../inbound/receiver.ts';
import type { AcceptedPost } from '../../inbound/target-kind.ts';
import { answerError, problemOf } from '../problem.ts';
import { parseBody } from './parse-body.ts';
import { closeIfUnread } from '../bodies/unread-body.ts';
import { readRequestBody, type HeldBody } from '../bodies/request-body.ts';
import { inNetworks, transportAllowed, type InboundTransport } from './transport.ts';

export interface ReceiveOptions {
  readonly transport: InboundTransport;
  readonly trustedProxies: readonly string[];
  /** How long a body may take to arrive, in milliseconds. */
  readonly bodyTimeoutMs: number;
  readonly maxBodyBytes: number;
}

/** The path contains the key: no API key is needed. */
const PREFIX = '/in';
const PATH = '/:kind/:target/:key';
const PARTS = /^\/in\/([^/?]+)\/([^/?]+)\/([^/?]+)\/?(?:\?|$)/;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set if the request may send its body; null if it was refused. */
    admitted: Admitted | null;
  }
}

/**
 * Routes for the public URLs of inbound hooks. Everything that can be checked without the body is checked before it is
 * read. `Receiver` sets the order of the checks.
 */
export async function receiveRoutes(app: FastifyInstance, services: { receiver: Receiver; receive: ReceiveOptions }): Promise<void> {
  const { receiver, receive } = services;
  const arrivalOf = arrivals(receive);
  app.decorateRequest('admitted', null);
  const inScope = async (scope: FastifyInstance): Promise<void> => {
    scope.removeAllContentTypeParsers();
    // Does not read the body: the handler does, with a deadline of its own.
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.addHook('onRequest', async (request, reply) => {
      const outcome = await receiver.admit(arrivalOf(request));
      if (outcome instanceof PosthornError) return answerRefusal(outcome, request, reply);
      request.admitted = outcome;
      // Fastify would refuse an invalid content type before the handler runs. The original is kept in the arrival.
      if (request.headers['content-type'] !== undefined) request.headers['content-type'] = 'application/octet-stream';
    });
    const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
      request.admitted === null
        ? answerRefusal(new PosthornError('not_found', 'There is no such target.'), request, reply)
        : take(request, reply, { admitted: request.admitted, receiver, receive });
    scope.route({
      method: INBOUND_METHOD,
      url: PATH,
      schema: {
        tags: ['Inbound'],
        summary: 'Send data to a target',
        description:
          'The URL contains the key. A goal accepts `{date, value, goodThreshold?, badThreshold?}` as JSON or as a form, or an array ' +
          'of them, of which all or none are stored. Decimals may be strings or JSON numbers of up to 40 digits; responses show ' +
          'them as strings. Returns 201 for something new, 200 for what was replaced or repeated.',
        security: [],
      },
      handler,
    });
    // Other methods and other paths under /in/ end here. The hook above has checked them by then.
    scope.setNotFoundHandler(handler);
  };
  await app.register(inScope, { prefix: PREFIX });
}

function arrivals({ transport, trustedProxies }: ReceiveOptions) {
  const isTrusted = inNetworks(trustedProxies);
  return (request: FastifyRequest) => {
    const [, kind = '', publicId = '', key = ''] = PARTS.exec(request.url) ?? [];
    const { socket } = request.raw;
    const connection = {
      encrypted: 'encrypted' in socket && socket.encrypted === true,
      remoteAddress: socket.remoteAddress,
      forwardedProto: request.headers['x-forwarded-proto'],
    };
    return {
      kind,
      publicId,
      key,
      method: request.method,
      sourceIp: request.ip,
      transportAllowed: transportAllowed(transport, connection, isTrusted),
      contentType: request.headers['content-type'] ?? null,
    };
  };
}

async function take(
  request: FastifyRequest,
  reply: FastifyReply,
  { admitted, receiver, receive }: { admitted: Admitted; receiver: Receiver; receive: ReceiveOptions },
): Promise<FastifyReply> {
  const held = await read(request, admitted, receive);
  if (held instanceof PosthornError) {
    receiver.refuse(admitted, held, null);
    return answerRefusal(held, request, reply);
  }
  try {
    const { bytes } = held;
    const parsed = parseBody(bytes, admitted.arrival.contentType, admitted.kind);
    if (parsed instanceof PosthornError) {
      receiver.refuse(admitted, parsed, bytes);
      return answerRefusal(parsed, request, reply);
    }
    const outcome = await receiver.apply(admitted, { body: parsed.value, bytes });
    return outcome instanceof PosthornError ? answerRefusal(outcome, request, reply) : replyAccepted(outcome, reply);
  } finally {
    held.reservation.release();
  }
}

/** Reads the body within the budget share of the target's organization. */
async function read(request: FastifyRequest, { tenant }: Admitted, receive: ReceiveOptions): Promise<HeldBody | PosthornError> {
  const { maxBodyBytes: maxBytes, bodyTimeoutMs: timeoutMs } = receive;
  const options = { budget: request.server.bodies, maxBytes, timeoutMs, holder: tenant.organization.key };
  const held = await new Promise<HeldBody | PosthornError>((resolve) => readRequestBody(request, options, resolve));
  return held instanceof PosthornError && held.code === 'payload_too_large' ? tooLarge(maxBytes) : held;
}

function tooLarge(maxBytes: number): PosthornError {
  const message = `must be at most ${maxBytes} bytes`;
  return new PosthornError('inbound_data', `The body ${message}.`, { errors: [{ path: '', rule: 'max_bytes', message }] });
}

function replyAccepted({ status, body }: AcceptedPost, reply: FastifyReply): FastifyReply {
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body));
}

/** The same for every reason, without even a request id, so that the caller cannot tell the reasons apart. */
const PREVENTED = JSON.stringify(problemOf(new PosthornError('inbound_prevented', ERRORS.inbound_prevented.title)));

function answerRefusal(error: PosthornError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.code === 'method_not_allowed') void reply.header('allow', INBOUND_METHOD);
  closeIfUnread(request, reply);
  if (error.code === 'inbound_prevented') return reply.code(403).type('application/problem+json').send(PREVENTED);
  return answerError(error, request, reply);
}

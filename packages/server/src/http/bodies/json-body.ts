import { PosthornError } from '@posthorn/protocol';
import type { FastifyRequest } from 'fastify';
import type { AdmissionQueue } from '../../intake/admission-queue.ts';
import type { RequestTicket } from '../../batching/request-ticket.ts';
import { keepBodyDigest } from '../idempotency.ts';
import { parseJsonBody } from '../json-text.ts';
import type { BodyBudget } from './body-budget.ts';
import { readRequestBody, announcedLength, type HeldBody } from './request-body.ts';

type Done = (error: Error | null, body?: unknown) => void;

/** Returns a Fastify parser that reads JSON bodies within the budget and through the route's admission queue. */
export function jsonBodyParser(budget: BodyBudget): (request: FastifyRequest, payload: unknown, done: Done) => void {
  return (request, _payload, done) => {
    // The body of a request to an unknown address is not read.
    if (request.is404) return done(null);
    const { config, bodyLimit: maxBytes } = request.routeOptions;
    if (config.admission) return readAdmitted(request, { budget, maxBytes, admission: config.admission, done });
    readRequestBody(request, { budget, maxBytes }, (body) => {
      if (body instanceof PosthornError) return done(body);
      keepBodyDigest(request, body.bytes);
      parseHeld(body, done);
    });
  };
}

interface AdmittedRead {
  readonly budget: BodyBudget;
  readonly maxBytes: number;
  readonly admission: AdmissionQueue;
  readonly done: Done;
}

function readAdmitted(request: FastifyRequest, { budget, maxBytes, admission, done }: AdmittedRead): void {
  const announced = announcedLength(request, maxBytes);
  const line = admission.announce(request.tenant.organization.key, announced);
  if (line instanceof PosthornError) return done(line);
  readRequestBody(request, { budget, maxBytes }, (body) => {
    if (body instanceof PosthornError) {
      admission.withdraw(line, announced);
      return done(body);
    }
    keepBodyDigest(request, body.bytes);
    const decide = (decision: RequestTicket | PosthornError): void => {
      if (decision instanceof PosthornError) return refuseHeld(body, decision, done);
      request.ticket = decision;
      parseHeld(body, done);
    };
    const isGone = (): boolean => request.raw.socket.destroyed;
    admission.enter({ line, bytes: body.bytes.length, isGone, decide }, announced);
  });
}

function refuseHeld({ reservation }: HeldBody, error: PosthornError, done: Done): void {
  reservation.release();
  done(error);
}

function parseHeld({ bytes, reservation }: HeldBody, done: Done): void {
  let parsed: unknown;
  try {
    parsed = bytes.length === 0 ? undefined : parseJsonBody(bytes);
  } catch (error) {
    return done(error instanceof Error ? error : new Error(String(error)));
  } finally {
    reservation.release();
  }
  done(null, parsed);
}

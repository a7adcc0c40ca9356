import { PosthornError } from '@posthorn/protocol';
import type { FastifyRequest } from 'fastify';
import { keepBodyDigest } from '../idempotency.ts';
import { parseJsonBody } from '../json-text.ts';
import type { BodyBudget } from './body-budget.ts';
import { readRequestBody, type HeldBody } from './request-body.ts';

type Done = (error: Error | null, body?: unknown) => void;

/** Returns Fastify's parser for JSON bodies: reads within the budget, waits for the route's turnstile, parses. */
export function jsonBodyParser(budget: BodyBudget): (request: FastifyRequest, payload: unknown, done: Done) => void {
  return (request, _payload, done) => {
    // Nobody reads what is sent to an address where there is nothing.
    if (request.is404) return done(null);
    const { config, bodyLimit: maxBytes } = request.routeOptions;
    readRequestBody(request, { budget, maxBytes }, (body) => {
      if (body instanceof PosthornError) return done(body);
      keepBodyDigest(request, body.bytes);
      const parse = (): void => parseHeld(body, done);
      if (!config.turnstile) return parse();
      try {
        config.turnstile.enter(body.bytes.length, parse);
      } catch (error) {
        body.reservation.release();
        done(asError(error));
      }
    });
  };
}

function parseHeld({ bytes, reservation }: HeldBody, done: Done): void {
  let parsed: unknown;
  try {
    parsed = bytes.length === 0 ? undefined : parseJsonBody(bytes);
  } catch (error) {
    return done(asError(error));
  } finally {
    reservation.release();
  }
  done(null, parsed);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

import type { FastifyInstance } from 'fastify';

interface KnownRoute {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Records the methods of each route, so that a wrong method returns 405 with `Allow` instead of 404. */
export class RouteMethods {
  readonly #routes = new Map<string, KnownRoute>();

  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const route = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
      for (const one of [method].flat()) route.methods.add(one);
      this.#routes.set(url, route);
    });
  }

  /** Returns the allowed methods; empty if there is no route for the URL. */
  allowedAt(url: string): string[] {
    const path = (url.split('?', 1)[0] ?? '').replace(/(?<=.)\/$/, '');
    const allowed = new Set<string>();
    for (const { pattern, methods } of this.#routes.values()) if (pattern.test(path)) for (const method of methods) allowed.add(method);
    return [...allowed].sort();
  }
}

function patternOf(url: string): RegExp {
  const parts = url
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  return new RegExp(`^${parts.join('/')}$`);
}

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { prepareDatabases, type TestDatabases } from './prepare-databases.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where workers ask for the run's databases. */
    testDatabases: string;
  }
}

/**
 * Gives all workers of a run one PostgreSQL and one PGlite template.
 * Each is made when the first test asks for it, so that a run of pure tests costs nothing.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-test-'));
  const databases: TestDatabases = prepareDatabases(directory);
  const broker = createServer((request, response) => {
    const wanted = request.url === '/pglite' ? databases.pglite() : databases.postgres();
    wanted.then(
      (answer) => response.end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  broker.listen(0, '127.0.0.1');
  await once(broker, 'listening');
  const address = broker.address();
  if (address === null || typeof address === 'string') throw new Error('The broker has no port.');
  project.provide('testDatabases', `http://127.0.0.1:${address.port}`);

  return async () => {
    broker.closeAllConnections();
    broker.close();
    await databases.stop();
    await rm(directory, { recursive: true, force: true });
  };
}

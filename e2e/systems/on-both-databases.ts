import { afterAll, beforeAll, describe } from 'vitest';
import { testPostgresUrl } from '../../packages/server/test-support/database.ts';
import { startNode, type InProcessNode } from '../harness/node-in-process.ts';
import { startReceiver, type Receiver } from '../harness/receiver.ts';

/** What a system's tests share: a node, and endpoints of customers. */
export interface Stage {
  readonly node: InProcessNode;
  /** An endpoint of its own for each call. Closed at the end. */
  receiver(...reaction: Parameters<typeof startReceiver>): Promise<Receiver>;
}

/** The same tests on the embedded database and on PostgreSQL, each on one node. */
export function onBothDatabases(system: string, tests: (stage: Stage) => void): void {
  describe.each([{ name: 'PGlite' }, { name: 'PostgreSQL' }])(`${system} on $name`, ({ name }) => {
    const end: AsyncDisposable[] = [];
    let node: InProcessNode | null = null;

    beforeAll(async () => {
      const place = name === 'PostgreSQL' ? await testPostgresUrl() : null;
      if (place) end.push(place);
      node = await startNode(place ? { databaseUrl: place.url } : {});
      end.push(node);
    });
    afterAll(async () => {
      for (const one of end.toReversed()) await one[Symbol.asyncDispose]();
    });

    tests({
      get node() {
        if (!node) throw new Error('The node is not started.');
        return node;
      },
      async receiver(...reaction) {
        const receiver = await startReceiver(...reaction);
        end.push(receiver);
        return receiver;
      },
    });
  });
}

import { createRequire } from 'node:module';

const manifest: unknown = createRequire(import.meta.url)('../../package.json');

/** The version of this server, as its package says. */
export const VERSION: string =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest && typeof manifest.version === 'string'
    ? manifest.version
    : '0';

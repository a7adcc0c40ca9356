import { join } from 'node:path';
import type { Config } from './config.ts';
import type { ServerKeys } from './server-keys.ts';

export interface WelcomeOptions {
  readonly url: string;
  readonly config: Pick<Config, 'rootKey' | 'dataDir' | 'databaseUrl'>;
  readonly keys: Pick<ServerKeys, 'root' | 'rootWasMade'>;
  /** Whether a person reads it. Other output is often kept, so that the key would be too. */
  readonly isTerminal: boolean;
}

/** What the server prints when it is ready. It shows the root key once: on the terminal of the start that made it. */
export function welcome({ url, config, keys, isTerminal }: WelcomeOptions): string {
  const file = join(config.dataDir, 'root-key');
  const made = keys.rootWasMade && isTerminal ? `${keys.root.reveal()} (shown this once; kept in ${file})` : `in ${file}`;
  const bearer = config.rootKey === null ? `$(cat '${file}')` : '$POSTHORN_ROOT_KEY';
  return `
  Posthorn   ${url}
  Root key   ${config.rootKey === null ? made : 'as set in POSTHORN_ROOT_KEY'}
  Data       ${config.databaseUrl === null ? `embedded database in ${config.dataDir} (for development)` : 'PostgreSQL'}
  API        ${url}/docs

  Create an organization:

  curl -s ${url}/v1/organizations -H "Authorization: Bearer ${bearer}" \\
    -H 'Content-Type: application/json' -d '{"id":"acme","name":"Acme","product":"revops"}'

`;
}

import { join } from 'node:path';
import type { Config } from './config.ts';
import type { ServerKeys } from './data-folder/server-keys.ts';

export interface WelcomeOptions {
  readonly url: string;
  readonly config: Pick<Config, 'rootKey' | 'dataDir' | 'databaseUrl'>;
  readonly keys: Pick<ServerKeys, 'root' | 'rootWasMade'>;
  /** Whether the output is a terminal. Other output is often stored in logs, where the key must not appear. */
  readonly isTerminal: boolean;
}

/** Returns the text printed when the server is ready. Only the start that generated the root key shows it. */
export function welcome({ url, config, keys, isTerminal }: WelcomeOptions): string {
  const file = join(config.dataDir, 'root-key');
  const made = keys.rootWasMade && isTerminal ? `${keys.root.reveal()} (shown only once; stored in ${file})` : `in ${file}`;
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

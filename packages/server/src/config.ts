import { isIP } from 'node:net';
import { LOG_LEVELS, type LogLevel } from './telemetry/log.ts';
import { Redacted } from './telemetry/redacted.ts';
import { parseTargets, type AllowedTargets } from './network/target-address.ts';

/** The server's configuration. */
export interface Config {
  /** null: the embedded database in the data folder. */
  readonly databaseUrl: Redacted | null;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** null: generated and stored in the data folder (embedded only). */
  readonly rootKey: Redacted | null;
  /** The first encrypts, all decrypt. null: generated and stored in the data folder (embedded only). */
  readonly encryptionKeys: readonly [Redacted, ...Redacted[]] | null;
  readonly allowedTargets: AllowedTargets;
  readonly trustedProxies: readonly string[];
  /** Accepted transports of inbound hooks: `tls`; `direct`, which adds plain text straight to the listener; `any`. */
  readonly inboundTransport: (typeof INBOUND_TRANSPORTS)[number];
  /** Sustained posts per second to inbound hooks, per source address and per target. Bursts may be ten times that. */
  readonly inboundRates: { readonly perAddress: number; readonly perTarget: number };
  /** The server's URL for clients; null: the address it listens on. */
  readonly publicUrl: string | null;
  readonly smtpUrl: Redacted | null;
  /** The From address of mails. */
  readonly mailFrom: string;
  readonly logLevel: LogLevel;
  /** How long /readyz returns 503 after SIGTERM before the server stops. */
  readonly stopDelaySeconds: number;
  /** Whether /inbox/{name} is enabled. */
  readonly inbox: boolean;
  /** How long events, deliveries and attempts are kept. */
  readonly retentionDays: number;
}

/** An invalid setting. */
export interface ConfigProblem {
  readonly name: string;
  readonly message: string;
}

/** Lists all invalid settings in one error. Values are not shown: some are secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(['The configuration is not valid:', ...problems.map(({ name, message }) => `  ${name} ${message}`)].join('\n'));
    this.problems = problems;
  }
}

const INBOUND_TRANSPORTS = ['tls', 'direct', 'any'] as const;
const MIN_KEY_CHARACTERS = 16;
const DEVELOPMENT_TARGETS = '127.0.0.0/8,::1';

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the configuration. Throws a ConfigError that lists every invalid setting. */
export function readConfig(environment: Environment): Config {
  const reader = new Reader(environment);
  const databaseUrl = reader.url('DATABASE_URL', ['postgres:', 'postgresql:']);
  const embedded = databaseUrl === null;
  const host = reader.text('POSTHORN_HOST') ?? '127.0.0.1';
  // The inbox, which accepts anything, and webhooks to local servers are only for users of this machine.
  const forDevelopment = embedded && isLoopback(host);
  const config: Config = {
    databaseUrl: databaseUrl === null ? null : new Redacted(databaseUrl),
    host,
    port: reader.integer('POSTHORN_PORT', { fallback: 8030, min: 0, max: 65_535 }),
    dataDir: reader.text('POSTHORN_DATA_DIR') ?? './.posthorn',
    rootKey: reader.secrets('POSTHORN_ROOT_KEY', { required: !embedded, several: false })?.[0] ?? null,
    encryptionKeys: reader.secrets('POSTHORN_ENCRYPTION_KEY', { required: !embedded, several: true }),
    allowedTargets: reader.targets('POSTHORN_ALLOW_TARGETS', forDevelopment ? DEVELOPMENT_TARGETS : ''),
    trustedProxies: reader.networks('POSTHORN_TRUSTED_PROXIES'),
    inboundTransport: reader.choice('POSTHORN_INBOUND_TRANSPORT', INBOUND_TRANSPORTS, isLoopback(host) ? 'direct' : 'tls'),
    inboundRates: {
      perAddress: reader.integer('POSTHORN_INBOUND_RATE_PER_ADDRESS', { fallback: 100, min: 1, max: 1_000_000 }),
      perTarget: reader.integer('POSTHORN_INBOUND_RATE_PER_TARGET', { fallback: 10, min: 1, max: 1_000_000 }),
    },
    publicUrl: reader.url('POSTHORN_PUBLIC_URL', ['http:', 'https:'])?.replace(/\/+$/, '') ?? null,
    smtpUrl: redactedOrNull(reader.url('POSTHORN_SMTP_URL', ['smtp:', 'smtps:'])),
    mailFrom: reader.text('POSTHORN_MAIL_FROM') ?? 'Posthorn <posthorn@localhost>',
    stopDelaySeconds: reader.integer('POSTHORN_STOP_DELAY_SECONDS', { fallback: 5, min: 0, max: 300 }),
    logLevel: reader.choice('POSTHORN_LOG_LEVEL', LOG_LEVELS, 'info'),
    inbox: reader.choice('POSTHORN_INBOX', ['on', 'off'], forDevelopment ? 'on' : 'off') === 'on',
    retentionDays: reader.integer('POSTHORN_RETENTION_DAYS', { fallback: 30, min: 1, max: 3_650 }),
  };
  reader.finish();
  return config;
}

/** Whether only this machine can connect to the host, so that plain text doesn't leave it. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function redactedOrNull(value: string | null): Redacted | null {
  return value === null ? null : new Redacted(value);
}

const KNOWN = new Set([
  'POSTHORN_HOST',
  'POSTHORN_PORT',
  'POSTHORN_DATA_DIR',
  'POSTHORN_ROOT_KEY',
  'POSTHORN_ENCRYPTION_KEY',
  'POSTHORN_ALLOW_TARGETS',
  'POSTHORN_TRUSTED_PROXIES',
  'POSTHORN_INBOUND_TRANSPORT',
  'POSTHORN_INBOUND_RATE_PER_ADDRESS',
  'POSTHORN_INBOUND_RATE_PER_TARGET',
  'POSTHORN_PUBLIC_URL',
  'POSTHORN_SMTP_URL',
  'POSTHORN_MAIL_FROM',
  'POSTHORN_LOG_LEVEL',
  'POSTHORN_STOP_DELAY_SECONDS',
  'POSTHORN_INBOX',
  'POSTHORN_RETENTION_DAYS',
]);

/** Reads settings one by one and collects their problems. */
class Reader {
  readonly #environment: Environment;
  readonly #problems: ConfigProblem[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
    for (const name of Object.keys(environment)) {
      if (name.startsWith('POSTHORN_') && !KNOWN.has(name)) this.#wrong(name, 'is not a Posthorn setting. See docs/configuration.md.');
    }
  }

  text(name: string): string | null {
    const value = this.#environment[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  integer(name: string, { fallback, min, max }: { fallback: number; min: number; max: number }): number {
    const value = this.text(name);
    if (value === null) return fallback;
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.#wrong(name, `must be a whole number from ${min} to ${max}.`);
    return fallback;
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[], fallback: Choice): Choice {
    const value = this.text(name);
    if (value === null) return fallback;
    const chosen = choices.find((choice) => choice === value);
    if (chosen !== undefined) return chosen;
    this.#wrong(name, `must be one of ${choices.join(', ')}.`);
    return fallback;
  }

  url(name: string, protocols: readonly string[]): string | null {
    const value = this.text(name);
    if (value === null) return null;
    if (protocols.includes(URL.parse(value)?.protocol ?? '')) return value;
    this.#wrong(name, `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}.`);
    return null;
  }

  secrets(name: string, { required, several }: { required: boolean; several: boolean }): [Redacted, ...Redacted[]] | null {
    const value = this.text(name);
    if (value === null) {
      if (required)
        this.#wrong(name, `is required with DATABASE_URL. Set it to a random string of at least ${MIN_KEY_CHARACTERS} characters.`);
      return null;
    }
    const parts = several ? value.split(',').map((part) => part.trim()) : [value];
    if (parts.some((part) => part.length < MIN_KEY_CHARACTERS || !/^[\x21-\x7e]+$/.test(part))) {
      const each = several ? ', each if there are several' : '';
      this.#wrong(name, `must have at least ${MIN_KEY_CHARACTERS} characters without spaces${each}.`);
      return null;
    }
    const [first, ...rest] = parts.map((part) => new Redacted(part));
    return first ? [first, ...rest] : null;
  }

  targets(name: string, fallback: string): AllowedTargets {
    const { targets, problems } = parseTargets(this.text(name) ?? fallback);
    for (const problem of problems) this.#wrong(name, `is not valid: ${problem}.`);
    return targets;
  }

  networks(name: string): string[] {
    const value = this.text(name);
    if (value === null) return [];
    const { targets, problems } = parseTargets(value);
    for (const problem of problems) this.#wrong(name, `is not valid: ${problem}.`);
    if (targets.networks.some(({ port }) => port !== null)) this.#wrong(name, 'contains a port. List proxies by address only.');
    return value.split(',').map((part) => part.trim());
  }

  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #wrong(name: string, message: string): void {
    this.#problems.push({ name, message });
  }
}

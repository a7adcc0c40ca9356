import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** A name's addresses in the order to try them, and their time to live. Empty: the name has none. */
export interface Resolution {
  readonly addresses: readonly ResolvedAddress[];
  readonly ttlSeconds: number;
}

/** Resolves a host name. May reject if there is no response. */
export type Resolve = (hostname: string) => Promise<Resolution>;

const HOSTS_FILE = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';

/** How long IPv4 addresses wait for the IPv6 ones of the same name (RFC 8305, resolution delay). */
const RESOLUTION_DELAY_MS = 50;

/**
 * Resolves names with the hosts file, then with the system's name servers (or `servers`: `address` or `address:port`).
 * Uses c-ares: a few dead name servers could block the four threads of `dns.lookup`, and all deliveries, for seconds.
 * Search domains are not applied.
 */
export function systemResolver(options: { readonly servers?: readonly string[] } = {}): Resolve {
  const resolver = new Resolver({ timeout: 2_000, tries: 3 });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  return async (hostname) => {
    const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
    const local = hostsFileAddresses(await readHostsFile(), name);
    if (local.length > 0) return { addresses: local, ttlSeconds: 5 };
    return await askNameServers(resolver, name);
  };
}

interface Found extends ResolvedAddress {
  readonly ttl: number;
}

const NONE: readonly Found[] = [];

async function askNameServers(resolver: Resolver, name: string): Promise<Resolution> {
  const ipv6 = records(resolver.resolve6(name, { ttl: true }), 6);
  const ipv4 = await records(resolver.resolve4(name, { ttl: true }), 4);
  const late = ipv4.length === 0 ? await ipv6 : await Promise.race([ipv6, delay(RESOLUTION_DELAY_MS, NONE)]);
  const found = [...ipv4, ...late];
  return { addresses: found, ttlSeconds: found.reduce((least, { ttl }) => Math.min(least, ttl), Infinity) };
}

/** A name that exists in one family only gives an error for the other. */
async function records(query: Promise<readonly { address: string; ttl: number }[]>, family: 4 | 6): Promise<readonly Found[]> {
  try {
    const answers = await query;
    return answers.map(({ address, ttl }) => ({ address, family, ttl }));
  } catch {
    return NONE;
  }
}

async function readHostsFile(): Promise<string> {
  return await readFile(HOSTS_FILE, 'utf8').catch(() => '');
}

/** The addresses of a name in a hosts file (hosts(5)). */
export function hostsFileAddresses(text: string, name: string): ResolvedAddress[] {
  const wanted = name.toLowerCase();
  const addresses: ResolvedAddress[] = [];
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === undefined || !names.some((each) => each.toLowerCase() === wanted)) continue;
    const family = isIP(address);
    if (family === 4 || family === 6) addresses.push({ address, family });
  }
  return addresses;
}

import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** The addresses of a name, in the order to try them, and for how long they hold. Without any the name has none. */
export interface Resolution {
  readonly addresses: readonly ResolvedAddress[];
  readonly ttlSeconds: number;
}

/** Resolves a host name. Rejects when no answer is to be had. */
export type Resolve = (hostname: string) => Promise<Resolution>;

const HOSTS_FILE = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';

/** How long IPv4 addresses wait for the IPv6 ones of the same name (RFC 8305, resolution delay). */
const RESOLUTION_DELAY_MS = 50;

/**
 * Resolves with the hosts file first, then with the name servers of the system.
 * It asks them through c-ares and not through `dns.lookup`, whose four threads a few dead name servers can hold for seconds each,
 * with everybody's deliveries behind them. Search domains are not applied: host names are complete.
 */
export function systemResolver(): Resolve {
  const resolver = new Resolver({ timeout: 2_000, tries: 3 });
  return async (hostname) => {
    const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
    const local = hostsFileAddresses(await readHostsFile(), name);
    if (local.length > 0) return { addresses: local, ttlSeconds: 5 };
    return await askNameServers(resolver, name);
  };
}

async function askNameServers(resolver: Resolver, name: string): Promise<Resolution> {
  const ipv6 = resolver.resolve6(name, { ttl: true }).then(
    (records) => records.map(({ address, ttl }) => ({ address, family: 6 as const, ttl })),
    () => [],
  );
  const ipv4 = await resolver.resolve4(name, { ttl: true }).then(
    (records) => records.map(({ address, ttl }) => ({ address, family: 4 as const, ttl })),
    (error: unknown) => error,
  );
  const found = Array.isArray(ipv4) ? [...ipv4, ...(await Promise.race([ipv6, delay(RESOLUTION_DELAY_MS, [])]))] : await ipv6;
  if (found.length === 0) throw ipv4;
  return {
    addresses: found.map(({ address, family }) => ({ address, family })),
    ttlSeconds: Math.min(...found.map(({ ttl }) => ttl)),
  };
}

async function readHostsFile(): Promise<string> {
  return await readFile(HOSTS_FILE, 'utf8').catch(() => '');
}

/** The addresses that a hosts file (hosts(5)) gives to a name. */
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

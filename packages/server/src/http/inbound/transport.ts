import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Which transport inbound posts may use. `tls`: TLS that ends here, or at a trusted proxy that says so. `direct`: also
 * plain text straight to the listener, for development. `any`: everything.
 */
export type InboundTransport = 'tls' | 'direct' | 'any';

/** How a request arrived. */
export interface Connection {
  readonly encrypted: boolean;
  /** The peer's address; the peer may be a proxy. */
  readonly remoteAddress: string | undefined;
  readonly forwardedProto: string | readonly string[] | undefined;
}

/** Whether a request's transport is allowed. Uses `X-Forwarded-Proto` only if a trusted proxy sent it. */
export function transportAllowed(transport: InboundTransport, connection: Connection, isTrusted: (address: string) => boolean): boolean {
  if (transport === 'any' || connection.encrypted) return true;
  const proto = forwarded(connection, isTrusted);
  return proto === null ? transport === 'direct' : proto === 'https';
}

/** Returns the protocol that a trusted proxy reports; null if none does. The last entry is the proxy's own. */
function forwarded({ forwardedProto, remoteAddress }: Connection, isTrusted: (address: string) => boolean): string | null {
  if (forwardedProto === undefined || remoteAddress === undefined || !isTrusted(remoteAddress)) return null;
  const last = [forwardedProto].flat().join(',').split(',').at(-1) ?? '';
  return last.trim().toLowerCase();
}

type Network = [address: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number];

/** Returns a check for addresses within the networks (CIDR, or single addresses). Ignores entries that are neither. */
export function inNetworks(networks: readonly string[]): (address: string) => boolean {
  const parsed = networks.flatMap((network): Network[] => {
    if (!ipaddr.isValidCIDR(network)) return isIP(network) === 0 ? [] : [ipaddr.parseCIDR(`${network}/${isIP(network) === 4 ? 32 : 128}`)];
    return [ipaddr.parseCIDR(network)];
  });
  return (address) => {
    if (isIP(address) === 0) return false;
    // A dual-stack listener shows IPv4 peers as ::ffff:a.b.c.d.
    const one = ipaddr.process(address);
    return parsed.some(([network, prefix]) => one.kind() === network.kind() && one.match(network, prefix));
  };
}

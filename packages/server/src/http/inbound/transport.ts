import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Which transport inbound posts may come over. `tls`: only where TLS ends here, or at a trusted proxy that says so.
 * `direct`: also in plain text straight to the listener, for development. `any`: the operator allows all.
 */
export type InboundTransport = 'tls' | 'direct' | 'any';

/** The ways a request may have come. */
export interface Connection {
  readonly encrypted: boolean;
  /** Of the peer, which may be a proxy. */
  readonly remoteAddress: string | undefined;
  readonly forwardedProto: string | readonly string[] | undefined;
}

/** Whether a request's transport is allowed. `X-Forwarded-Proto` counts only from trusted proxies. */
export function transportAllowed(transport: InboundTransport, connection: Connection, isTrusted: (address: string) => boolean): boolean {
  if (transport === 'any' || connection.encrypted) return true;
  const proto = forwarded(connection, isTrusted);
  return proto === null ? transport === 'direct' : proto === 'https';
}

/** What a trusted proxy says; null: there is none, or it says nothing. The last entry is that of the proxy itself. */
function forwarded({ forwardedProto, remoteAddress }: Connection, isTrusted: (address: string) => boolean): string | null {
  if (forwardedProto === undefined || remoteAddress === undefined || !isTrusted(remoteAddress)) return null;
  const last = [forwardedProto].flat().join(',').split(',').at(-1) ?? '';
  return last.trim().toLowerCase();
}

type Network = [address: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number];

/** Whether an address is in one of the networks, given in CIDR notation or as single addresses. What is neither is left out. */
export function inNetworks(networks: readonly string[]): (address: string) => boolean {
  const parsed = networks.flatMap((network): Network[] => {
    if (!ipaddr.isValidCIDR(network)) return isIP(network) === 0 ? [] : [ipaddr.parseCIDR(`${network}/${isIP(network) === 4 ? 32 : 128}`)];
    return [ipaddr.parseCIDR(network)];
  });
  return (address) => {
    if (isIP(address) === 0) return false;
    // A listener on both families sees IPv4 peers as ::ffff:a.b.c.d.
    const one = ipaddr.process(address);
    return parsed.some(([network, prefix]) => one.kind() === network.kind() && one.match(network, prefix));
  };
}

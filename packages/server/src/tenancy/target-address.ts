import ipaddr from 'ipaddr.js';

/** Networks that webhooks may reach although they are not public. */
export interface AllowedTargets {
  readonly networks: readonly (readonly [address: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number])[];
}

/** Public addresses only. */
export const NO_ALLOWED_TARGETS: AllowedTargets = { networks: [] };

/**
 * Reads `POSTHORN_ALLOW_TARGETS`: networks in CIDR notation or single addresses, separated by commas.
 * What cannot be read is left out of `targets` and named in `problems`, one sentence each.
 *
 * @example
 * parseTargets('127.0.0.0/8, ::1').targets.networks.length; // 2
 */
export function parseTargets(text: string): { targets: AllowedTargets; problems: string[] } {
  const networks: [ipaddr.IPv4 | ipaddr.IPv6, number][] = [];
  const problems: string[] = [];
  for (const part of text.split(',')) {
    const entry = part.trim();
    if (entry === '') continue;
    const network = parseNetwork(entry);
    if (network === null) {
      problems.push(`“${entry}” is neither an IP address nor a network in CIDR notation such as 10.0.0.0/8 or fd00::/8`);
    } else {
      networks.push(network);
    }
  }
  return { targets: { networks }, problems };
}

function parseNetwork(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | null {
  const slash = entry.indexOf('/');
  const address = parseAddress(slash === -1 ? entry : entry.slice(0, slash));
  if (address === null) return null;
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  if (slash === -1) return [address, bits];
  const prefix = entry.slice(slash + 1);
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return null;
  return [address, Number(prefix)];
}

/** Four decimal parts or an IPv6 address; the shorthands that `inet_aton` reads (`127.1`, `0x7f000001`) are no addresses here. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (ipaddr.IPv6.isValid(text)) return ipaddr.IPv6.parse(text);
  return null;
}

/**
 * Whether a webhook may be sent to this IP address: it is public unicast, or lies in a network that the operator allowed.
 * Refused is everything of the IANA special-purpose registries (RFC 6890 and its updates): private, shared, loopback,
 * link-local, multicast, documentation, benchmarking and reserved networks, and IPv6 forms that carry an IPv4 address;
 * of those only NAT64 (RFC 6052), which IPv6-only networks need, is let through, when the IPv4 address inside is public.
 * Text that is no IP address is refused.
 */
export function addressAllowed(ip: string, allowed: AllowedTargets): boolean {
  const address = parseAddress(ip);
  if (address === null) return false;
  if (inNetworks(address, allowed)) return true;
  return address.kind() === 'ipv4' ? publicIpv4(address) : publicIpv6(address, allowed);
}

function inNetworks(address: ipaddr.IPv4 | ipaddr.IPv6, allowed: AllowedTargets): boolean {
  for (const [network, prefixLength] of allowed.networks) {
    if (address.kind() === network.kind() && address.match(network, prefixLength)) return true;
  }
  return false;
}

/** Azure's metadata and DNS service has an address that no registry marks as special. */
const AZURE_PLATFORM = '168.63.129.16';

function publicIpv4(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.range() === 'unicast' && address.toString() !== AZURE_PLATFORM;
}

const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');
const NAT64 = ipaddr.IPv6.parse('64:ff9b::');
const IPV4_MAPPED = ipaddr.IPv6.parse('::ffff:0:0');

function publicIpv6(address: ipaddr.IPv4 | ipaddr.IPv6, allowed: AllowedTargets): boolean {
  if (address.match(NAT64, 96)) return publicIpv4(embeddedIpv4(address));
  // The kernel connects a mapped address as the IPv4 address inside: what is allowed there is allowed here.
  if (address.match(IPV4_MAPPED, 96)) return inNetworks(embeddedIpv4(address), allowed);
  return address.match(GLOBAL_UNICAST, 3) && address.range() === 'unicast';
}

function embeddedIpv4(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A network, or one port at its addresses. */
interface AllowedNetwork {
  readonly address: Address;
  readonly prefixLength: number;
  /** null: every port. */
  readonly port: number | null;
}

/** Non-public networks that webhooks may reach. */
export interface AllowedTargets {
  readonly networks: readonly AllowedNetwork[];
}

/** Public addresses only. */
export const NO_ALLOWED_TARGETS: AllowedTargets = { networks: [] };

/**
 * Parses `POSTHORN_ALLOW_TARGETS`: networks in CIDR notation or single addresses, separated by commas, each with an
 * optional port. An IPv6 address with a port needs brackets. Invalid entries are reported in `problems`.
 *
 * @example
 * parseTargets('127.0.0.0/8, ::1, 10.1.0.0/16:8025, [fd00::]/8:9000').targets.networks.length; // 4
 */
export function parseTargets(text: string): { targets: AllowedTargets; problems: string[] } {
  const networks: AllowedNetwork[] = [];
  const problems: string[] = [];
  for (const part of text.split(',')) {
    const entry = part.trim();
    if (entry === '') continue;
    const network = parseNetwork(entry);
    if (typeof network === 'string') problems.push(`“${entry}” ${network}`);
    else networks.push(network);
  }
  return { targets: { networks }, problems };
}

/** Formats targets so that `parseTargets` can read them again. */
export function formatTargets({ networks }: AllowedTargets): string {
  return networks
    .map(({ address, prefixLength, port }) => {
      const text = address.kind() === 'ipv6' && port !== null ? `[${address.toString()}]` : address.toString();
      return `${text}/${prefixLength}${port === null ? '' : `:${port}`}`;
    })
    .join();
}

/**
 * `10.0.0.0/8`, `10.0.0.0/8:8025`, `fd00::/8`, `[fd00::]/8:8025`. Without brackets, a colon is part of an IPv6 address.
 */
const ENTRY = /^(?:\[(?<bracketed>[^\]]*)\]|(?<ipv4>[\d.]+)(?=[/:]|$)|(?<bare>[^/[\]]+))(?:\/(?<prefix>\d{1,3}))?(?::(?<port>\d+))?$/;
const MAX_PORT = 65_535;

/** Returns the network, or the problem of an invalid entry. */
function parseNetwork(entry: string): AllowedNetwork | string {
  const { bracketed, ipv4, bare, prefix, port } = ENTRY.exec(entry)?.groups ?? {};
  const address = parseAddress(bracketed ?? ipv4 ?? bare ?? '');
  if (address === null || (address.kind() === 'ipv4') !== (ipv4 !== undefined)) {
    return 'is neither an IP address nor a network in CIDR notation such as 10.0.0.0/8 or fd00::/8, with a port 10.0.0.0/8:8025 or [fd00::]/8:8025';
  }
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  if (prefix !== undefined && Number(prefix) > bits) return `has a prefix longer than the ${bits} bits of its address`;
  if (port === undefined) return { address, prefixLength: Number(prefix ?? bits), port: null };
  if (bare !== undefined) return 'needs brackets around the address before the port, such as [fd00::]/8:8025';
  if (Number(port) < 1 || Number(port) > MAX_PORT) return `has a port that is not from 1 to ${MAX_PORT}`;
  return { address, prefixLength: Number(prefix ?? bits), port: Number(port) };
}

/** Accepts four decimal parts or an IPv6 address, but not the shorthands of `inet_aton` (`127.1`, `0x7f000001`). */
function parseAddress(text: string): Address | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (ipaddr.IPv6.isValid(text)) return ipaddr.IPv6.parse(text);
  return null;
}

/**
 * Whether webhooks may be sent to this IP address and port: the address is public unicast, or the operator allowed
 * both. All IANA special-purpose networks (RFC 6890) are refused, also IPv6 forms with an embedded IPv4 address. The
 * exception is NAT64 (RFC 6052) with a public IPv4 address, which IPv6-only networks need.
 */
export function addressAllowed(ip: string, port: number, allowed: AllowedTargets): boolean {
  const address = parseAddress(ip);
  if (address === null) return false;
  if (isPublic(address)) return true;
  if (isAllowed(address, port, allowed)) return true;
  // The kernel connects to the IPv4 address inside a mapped address, so the rules for that address apply.
  return address.kind() === 'ipv6' && address.match(IPV4_MAPPED, 96) && isAllowed(embeddedIpv4(address), port, allowed);
}

function isAllowed(address: Address, port: number, allowed: AllowedTargets): boolean {
  return allowed.networks.some(
    (network) =>
      (network.port === null || network.port === port) &&
      address.kind() === network.address.kind() &&
      address.match(network.address, network.prefixLength),
  );
}

function isPublic(address: Address): boolean {
  return address.kind() === 'ipv4' ? publicIpv4(address) : publicIpv6(address);
}

/** Azure's metadata and DNS service. No registry lists its address as special. */
const AZURE_PLATFORM = '168.63.129.16';

function publicIpv4(address: Address): boolean {
  return address.range() === 'unicast' && address.toString() !== AZURE_PLATFORM;
}

const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');
const NAT64 = ipaddr.IPv6.parse('64:ff9b::');
const IPV4_MAPPED = ipaddr.IPv6.parse('::ffff:0:0');

function publicIpv6(address: Address): boolean {
  if (address.match(NAT64, 96)) return publicIpv4(embeddedIpv4(address));
  return address.match(GLOBAL_UNICAST, 3) && address.range() === 'unicast';
}

function embeddedIpv4(address: Address): ipaddr.IPv4 {
  return new ipaddr.IPv4(address.toByteArray().slice(12));
}

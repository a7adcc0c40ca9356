import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressAllowed as allowedAt, formatTargets, NO_ALLOWED_TARGETS, parseTargets, type AllowedTargets } from './target-address.ts';

const allow = (text: string) => parseTargets(text).targets;
const addressAllowed = (ip: string, targets: AllowedTargets) => allowedAt(ip, 443, targets);
const ipv4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
const hex = (high: number, low: number) => (high * 256 + low).toString(16);

describe('addressAllowed', () => {
  it.each([
    '1.1.1.1',
    '93.184.216.34',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450:4001::200e',
    '64:ff9b::101:101',
  ])('allows public %s', (ip) => expect(addressAllowed(ip, NO_ALLOWED_TARGETS)).toBe(true));

  it.each([
    ['unspecified', '0.0.0.0', '0.1.2.3', '::'],
    ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
    ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    ['shared (CGNAT)', '100.64.0.1', '100.127.255.255'],
    ['link-local', '169.254.0.1', 'fe80::1', 'fe80::1%eth0'],
    ['metadata', '169.254.169.254', '100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254'],
    ['multicast', '224.0.0.1', '239.255.255.255', 'ff02::1'],
    ['broadcast', '255.255.255.255'],
    ['reserved', '240.0.0.1', '192.0.0.1', '192.88.99.1', '4000::1', '100::1', '5f00::1'],
    ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
    ['benchmarking', '198.18.0.1', '198.19.255.255', '2001:2::1'],
    ['unique-local and site-local', 'fc00::1', 'fdff::1', 'fec0::1'],
    ['IPv4-mapped', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1'],
    ['IPv4-compatible', '::127.0.0.1', '::8.8.8.8'],
    ['NAT64 of private', '64:ff9b::10.0.0.1', '64:ff9b:1::1.1.1.1', '64:ff9b::169.254.169.254'],
    ['6to4 and Teredo', '2002:7f00:1::', '2002:808:808::', '2001:0:7f00:1::1'],
    ['no address', '', 'localhost', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '1.1.1', ' 1.1.1.1', '1.1.1.1/8'],
  ])('refuses %s addresses', (_kind, ...ips) => {
    expect(ips.filter((ip) => addressAllowed(ip, NO_ALLOWED_TARGETS))).toEqual([]);
  });

  it('refuses IPv6 addresses with an embedded refused IPv4 address', () => {
    fc.assert(
      fc.property(ipv4, ([a, b, c, d]) => {
        const inside = `${hex(a, b)}:${hex(c, d)}`;
        const plain = addressAllowed(`${a}.${b}.${c}.${d}`, NO_ALLOWED_TARGETS);
        expect(addressAllowed(`64:ff9b::${inside}`, NO_ALLOWED_TARGETS)).toBe(plain);
        for (const form of [`::ffff:${inside}`, `::${inside}`, `2002:${inside}::1`, `2001:0:${inside}::1`, `::ffff:0:${inside}`]) {
          expect([form, addressAllowed(form, NO_ALLOWED_TARGETS)]).toEqual([form, false]);
        }
      }),
    );
  });

  it('allows only the allowed networks', () => {
    const targets = allow('127.0.0.0/8, ::1 ,10.1.0.0/16');
    expect(['127.0.0.1', '::1', '10.1.2.3', '::ffff:127.0.0.1', '1.1.1.1'].every((ip) => addressAllowed(ip, targets))).toBe(true);
    expect(['10.2.0.1', '::2', '192.168.0.1', '::ffff:10.2.0.1'].some((ip) => addressAllowed(ip, targets))).toBe(false);
  });
});

describe('an allowed target with a port', () => {
  const targets = allow('127.0.0.1/32:8025, [::1]/128:9000, 10.0.0.1:25, [fd00::1]:26, 10.1.0.0/16');

  it.each([
    ['127.0.0.1', 8025, true],
    ['127.0.0.1', 8026, false],
    ['127.0.0.1', 9000, false],
    ['127.0.0.2', 8025, false],
    ['::ffff:127.0.0.1', 8025, true],
    ['::ffff:127.0.0.1', 8026, false],
    ['::1', 9000, true],
    ['::1', 8025, false],
    ['10.0.0.1', 25, true],
    ['10.0.0.1', 26, false],
    ['fd00::1', 26, true],
    ['fd00::1', 25, false],
    ['10.1.2.3', 25, true],
    ['1.1.1.1', 1, true],
  ])('%s port %i: %s', (ip, port, expected) => expect(allowedAt(ip, port, targets)).toBe(expected));
});

describe('parseTargets', () => {
  it('parses the output of formatTargets', () => {
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }));
    const four = fc.tuple(fc.ipV4(), fc.nat(32), port).map(([ip, bits, at]) => `${ip}/${bits}${at === null ? '' : `:${at}`}`);
    const six = fc.tuple(fc.ipV6(), fc.nat(128), port).map(([ip, bits, at]) => (at === null ? `${ip}/${bits}` : `[${ip}]/${bits}:${at}`));
    fc.assert(
      fc.property(fc.array(fc.oneof(four, six)), (entries) => {
        const { targets, problems } = parseTargets(entries.join());
        expect(problems).toEqual([]);
        expect(targets.networks).toHaveLength(entries.length);
        expect(parseTargets(formatTargets(targets)).targets).toEqual(targets);
      }),
    );
  });

  it.each([
    ['127.0.0.1:0', 'has a port that is not from 1 to 65535'],
    ['127.0.0.1:65536', 'has a port that is not from 1 to 65535'],
    ['[::1]/128:99999999999', 'has a port that is not from 1 to 65535'],
    ['fd00::/8:8025', 'needs brackets around the address before the port'],
    ['10.0.0.0/33:80', 'has a prefix longer than the 32 bits'],
    ['[::1]/129', 'has a prefix longer than the 128 bits'],
    ['[127.0.0.1]:80', 'is neither'],
    ['127.0.0.1:', 'is neither'],
    ['127.0.0.1:80:81', 'is neither'],
    ['127.0.0.1:8025/32', 'is neither'],
    ['127.0.0.1:smtp', 'is neither'],
    ['[::1', 'is neither'],
    ['localhost:8025', 'is neither'],
  ])('refuses %s', (entry, problem) => {
    expect(parseTargets(entry)).toMatchObject({ targets: { networks: [] }, problems: [expect.stringContaining(`“${entry}” ${problem}`)] });
  });

  it('reports every invalid entry', () => {
    const { targets, problems } = parseTargets('10.0.0.0/33, example.com, ::1/129, 127.1/8, 1.2.3.4/, 192.168.0.0/16');
    expect(problems).toHaveLength(5);
    expect(problems[1]).toContain('“example.com” is neither an IP address nor a network');
    expect(targets.networks).toHaveLength(1);
  });

  it('parses an empty text as no networks', () => {
    expect(parseTargets(' , ')).toEqual({ targets: { networks: [] }, problems: [] });
  });
});

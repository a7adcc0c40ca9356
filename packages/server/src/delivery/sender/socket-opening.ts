import { connect as connectTcp, isIP } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SecureContext } from 'node:tls';
import type { LRUCache } from 'lru-cache';
import { addressAllowed } from '../../network/target-address.ts';
import type { AllowedTargets } from '../../network/target-address.ts';
import { unresolved } from './address-cache.ts';
import type { AddressCache } from './address-cache.ts';
import { NamedFailure, named } from './failures.ts';
import type { ResolvedAddress } from './resolver.ts';

/** Where to connect. */
export interface Target {
  readonly origin: string;
  /** Without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
}

/** What all connections of a sender share. */
export interface Network {
  readonly addresses: AddressCache;
  readonly allowedTargets: AllowedTargets;
  readonly secureContext: SecureContext;
  /** TLS sessions by origin, for resumption. */
  readonly sessions: LRUCache<string, Buffer>;
}

type Opened = (error: Error | null, socket: Socket | null) => void;

const BLOCKED = named('blocked_address', 'The endpoint’s address is private or otherwise reserved, and webhooks may not be sent there.');

/**
 * Opens one socket: resolves the name, checks the addresses, and connects to exactly those that were checked. A DNS
 * answer that changes in between has no effect.
 */
export class SocketOpening {
  stage: 'dns' | 'connect' | 'tls' = 'dns';
  readonly #target: Target;
  readonly #network: Network;
  #opened: Opened | null;
  #socket: Socket | null = null;

  constructor(target: Target, network: Network, opened: Opened) {
    this.#target = target;
    this.#network = network;
    this.#opened = opened;
    const { hostname } = target;
    const family = isIP(hostname);
    const known = family === 0 ? network.addresses.peek(hostname) : [{ address: hostname, family: family === 4 ? 4 : 6 } as const];
    if (known !== undefined) {
      this.#connect(known);
    } else {
      void network.addresses.resolve(hostname).then((addresses) => this.#connect(addresses));
    }
  }

  /** Stops opening, at any stage. */
  cancel(error: Error): void {
    this.#socket?.destroy();
    this.#end(error);
  }

  #end(error: Error | null): void {
    const opened = this.#opened;
    if (opened === null) return;
    this.#opened = null;
    opened(error, error === null ? this.#socket : null);
  }

  #connect(addresses: readonly ResolvedAddress[]): void {
    if (this.#opened === null) return;
    if (addresses.length === 0) return this.#end(unresolved(this.#target.hostname));
    const allowed = addresses.filter(({ address }) => addressAllowed(address, this.#target.port, this.#network.allowedTargets));
    if (allowed.length === 0) return this.#end(new NamedFailure(BLOCKED));
    this.stage = 'connect';
    const socket = this.#openSocket(allowed);
    this.#socket = socket;
    socket.once(this.#target.secure ? 'secureConnect' : 'connect', () => this.#end(null));
    socket.on('error', (error) => this.#end(error));
  }

  #openSocket(addresses: readonly ResolvedAddress[]): Socket {
    const { hostname, port, secure, origin } = this.#target;
    const tcp = {
      host: hostname,
      port,
      lookup: fixedLookup(addresses),
      autoSelectFamily: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    };
    if (!secure) return connectTcp(tcp);
    const { secureContext, sessions } = this.#network;
    const session = sessions.get(origin);
    const socket = connectTls({
      ...tcp,
      secureContext,
      ALPNProtocols: ['http/1.1'],
      // An IP address is not a server name (RFC 6066); Node then checks the certificate against `host`.
      ...(isIP(hostname) === 0 ? { servername: hostname.replace(/\.$/, '') } : null),
      ...(session === undefined ? null : { session }),
    });
    socket.once('connect', () => {
      this.stage = 'tls';
    });
    // Node emits sessions only after the certificate was verified, so no session of a refused host is resumed.
    socket.on('session', (fresh) => sessions.set(origin, fresh));
    return socket;
  }
}

function fixedLookup(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const first = addresses[0];
    if (options.all || first === undefined) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

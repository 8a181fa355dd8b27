/**
 * Which IP addresses a request may go to: those of the public internet, and nothing else.
 *
 * The rule is a positive list: `ipaddr.js` names the range of an address, and only `unicast` passes. Loopback, private,
 * link-local (cloud metadata), carrier NAT, IPv4 in IPv6 (`::ffff:127.0.0.1`), NAT64 (`64:ff9b::/96`), 6to4 and Teredo all
 * have a range of their own, so none of them can carry a private IPv4 address past the check.
 */
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { egressErrors } from './egress-errors.ts';

/** Tells whether `text` is an IP address of the public internet. */
export function isPublicAddress(text: string): boolean {
  return ipaddr.isValid(text) && ipaddr.parse(text).range() === 'unicast';
}

/**
 * The IP address that a URL's host is, without brackets, or `undefined` for a name. `host` comes from a parsed `URL`, which
 * has already turned decimal, octal, hexadecimal and full-width spellings into the plain one.
 */
export function literalAddress(host: string): string | undefined {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  return ipaddr.isValid(bare) ? bare : undefined;
}

type Resolver = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A `lookup` for sockets that refuses a name unless **every** address it resolves to is public. The socket connects to the
 * very addresses that were checked, so a second, different answer of the name server (rebinding) changes nothing.
 */
export function guardedLookup(resolve: Resolver = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const first = addresses?.[0];
      if (error || !first) return callback(error ?? new Error('no address'), '', 4);
      const closed = addresses.find(({ address }) => !isPublicAddress(address));
      if (closed) return callback(egressErrors['private-address']({ host: hostname }), '', 4);
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}

/** Tells whether the other end of a connection is this machine. */
import ipaddr from 'ipaddr.js';

export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}

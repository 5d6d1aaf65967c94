// Addresses as the programs have them: sixteen bytes, IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2).

import { asIpv6, type HostAddress, type Ipv6Address, readIpv6, writeIpv6 } from '../wire/address.ts';

const MAPPED = 0xffff;

export function writeAddress(view: DataView, at: number, address: HostAddress): void {
  writeIpv6(view, at, asIpv6(address));
}

export function readAddress(view: DataView, at: number): HostAddress {
  return unmapped(readIpv6(view, at));
}

export function unmapped(address: Ipv6Address): HostAddress {
  const [first, second, third, last] = address;
  return first === 0 && second === 0 && third === MAPPED ? last : address;
}

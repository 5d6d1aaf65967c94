// Who of a network has an address, by its text: what an endpoint asks before it sends there. The switch would answer the
// same to a question by ARP or neighbour discovery.

import type { AddressSet, NetworkConfig } from '../../vswitch/config.ts';
import { formatMac, type Mac, parseIpv4, parseIpv6, sameIpv6 } from '../../wire/address.ts';

interface Member extends AddressSet {
  readonly mac: Mac;
}

/** The MAC as text; undefined when nobody has the address. */
export function macOfAddress({ ports, remotes }: NetworkConfig, text: string): string | undefined {
  const ipv4 = parseIpv4(text);
  const ipv6 = parseIpv6(text);
  const has = (member: Member) =>
    ipv4 === undefined
      ? ipv6 !== undefined && member.ipv6.some((own) => sameIpv6(own, ipv6))
      : member.ipv4.includes(ipv4);
  const members: readonly Member[] = [...ports, ...remotes.flatMap(({ vnics }) => vnics)];
  const found = members.find(has);
  return found && formatMac(found.mac);
}

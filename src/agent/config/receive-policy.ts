// What a vNIC takes, as a configuration file says it (BIFROST §7.1): rules of protocol, port and source, and a rate.
import * as v from 'valibot';
import { rateBitsPerSecond } from '../../base/rate.ts';
import type { AcceptRule } from '../../vswitch/receive-rules.ts';
import { parseCidr } from '../../wire/address.ts';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../../wire/protocols.ts';
import { Complaint, field, list, mapping, text } from './fields.ts';

const example = '{ protocol: tcp, port: 6379, from: 192.168.77.0/24 }';

const NAMED: Readonly<Record<string, readonly number[]>> = {
  tcp: [PROTOCOL_TCP],
  udp: [PROTOCOL_UDP],
  icmp: [PROTOCOL_ICMP, PROTOCOL_ICMPV6],
};

const protocol = field('tcp, udp, icmp or the number of an IP protocol', 'tcp', (value) => {
  if (typeof value === 'string') return Object.hasOwn(NAMED, value) ? NAMED[value] : undefined;
  return isNumber(value, 255) ? [value] : undefined;
});

const ports = field('a port or a range of ports', '6379 or 32768-60999', (value) => {
  if (isNumber(value, 0xffff)) return { first: value, last: value };
  const [, from, to] = (typeof value === 'string' && /^(\d{1,5})-(\d{1,5})$/.exec(value)) || [];
  const [first, last] = [Number(from), Number(to)];
  return isNumber(first, 0xffff) && isNumber(last, 0xffff) && first <= last ? { first, last } : undefined;
});

const from = text('a network', '192.168.77.0/24', (value) => {
  const cidr = parseCidr(value);
  if (cidr !== undefined || parseCidr(`${value}/32`) === undefined) return cidr;
  return new Complaint(
    `${value} has no prefix length; write it like ${value}/${value.includes(':') ? 128 : 32}`,
  );
});

const rule = v.pipe(
  mapping({ protocol: v.optional(protocol), port: v.optional(ports), from: v.optional(from) }, example),
  v.check(
    ({ protocol, port }) => port === undefined || protocol === undefined || protocol.every(hasPorts),
    'has a port, and only tcp and udp have ports; leave the port out',
  ),
  v.transform(
    ({ protocol, port, from }): AcceptRule => ({
      ...(protocol !== undefined && { protocols: protocol }),
      ...(port !== undefined && { ports: port }),
      ...(from !== undefined && { from }),
    }),
  ),
);

export const accept = list(rule, `[${example}]`);

/** Below it the smallest packets would take longer than people wait. */
const LEAST_BITS_PER_SECOND = 64_000;

export const receiveRate = text('a rate of at least 64kbit', '100mbit', (value) => {
  const bits = rateBitsPerSecond(value);
  return bits === undefined || bits < LEAST_BITS_PER_SECOND ? undefined : bits;
});

const hasPorts = (number: number) => number === PROTOCOL_TCP || number === PROTOCOL_UDP;

function isNumber(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

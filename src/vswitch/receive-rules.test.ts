// What a list of rules lets in, frame by frame.

import { describe, expect, it } from 'vitest';
import { buildFrame, type FrameSpec, numbered } from '../../test/wire/frames.ts';
import { allocateBytes, bytesOf } from '../base/bytes.ts';
import { parseCidr } from '../wire/address.ts';
import { ETHERTYPE_ARP } from '../wire/ethernet.ts';
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/protocols.ts';
import { type AcceptRule, ReceiveRules } from './receive-rules.ts';

const tcp = (destinationPort: number) => ({ tcp: { sourcePort: 999, destinationPort } });
const port = (number: number) => ({ first: number, last: number });

type Spec = Partial<FrameSpec>;

function accepts(rules: readonly AcceptRule[], spec: Spec): boolean {
  const frame = buildFrame({ payload: numbered(20), ...spec });
  return new ReceiveRules(rules).accepts(bytesOf(frame), 0, frame.length, frame.length);
}

const redis: AcceptRule = { protocols: [PROTOCOL_TCP], ports: port(6379), from: parseCidr('10.0.0.0/30')! };

describe('a rule of protocol, port and source', () => {
  it.each<[string, Spec, boolean]>([
    ['what it describes', tcp(6379), true],
    ['another port', tcp(6380), false],
    ['the port as a source', { tcp: { sourcePort: 6379, destinationPort: 6380 } }, false],
    ['another protocol', { udp: { sourcePort: 999, destinationPort: 6379 } }, false],
    ['another source', { ...tcp(6379), ipv4: { source: 0x0a00_0004 } }, false],
    ['another family', { ...tcp(6379), ipv6: {} }, false],
    ['a VLAN’s frame like any', { ...tcp(6379), ethernet: { vlanTci: 5 } }, true],
    ['the first fragment', { ...tcp(6379), ipv4: { moreFragments: true } }, false],
    ['a later fragment', { ...tcp(6379), ipv4: { fragmentOffset: 100 } }, false],
  ])('and %s', (_, spec, expected) => expect(accepts([redis], spec)).toBe(expected));

  it('lets nothing in by what lies behind the frame', () => {
    const bytes = allocateBytes(100);
    // An IP packet of three bytes behind its header.
    const short = buildFrame({
      ipv4: { protocol: PROTOCOL_TCP, payloadLength: 3 },
      payload: numbered(0),
    }).slice(0, 37);
    bytes.u8.fill(0x18);
    bytes.u8.set(short);
    const rules = new ReceiveRules([{ protocols: [PROTOCOL_TCP], ports: { first: 0, last: 65_535 } }]);
    expect(rules.accepts(bytes, 0, short.length, short.length)).toBe(false);
  });
});

describe('rules', () => {
  it.each<[string, readonly AcceptRule[], Spec, boolean]>([
    ['none: nothing', [], tcp(1), false],
    ['one that says nothing: everything', [{}], { ...tcp(1), ipv6: {} }, true],
    ['a range, its first port', [{ ports: { first: 10, last: 20 } }], tcp(10), true],
    ['a range, its last port', [{ ports: { first: 10, last: 20 } }], tcp(20), true],
    ['a range, the next port', [{ ports: { first: 10, last: 20 } }], tcp(21), false],
    ['the second of two', [redis, { protocols: [PROTOCOL_UDP] }], { udp: {} }, true],
    [
      'fragments, where no port is asked for',
      [{ protocols: [PROTOCOL_UDP] }],
      { udp: {}, ipv4: { fragmentOffset: 9 } },
      true,
    ],
    [
      'what has no ports, where every port may',
      [{ ports: { first: 0, last: 65_535 } }],
      { ipv4: { protocol: PROTOCOL_ICMP } },
      false,
    ],
    [
      'an IPv6 prefix',
      [{ from: parseCidr('fd00::/126')! }],
      { ...tcp(1), ipv6: { source: [0xfd00_0000, 0, 0, 3] } },
      true,
    ],
    [
      'outside of it',
      [{ from: parseCidr('fd00::/126')! }],
      { ...tcp(1), ipv6: { source: [0xfd00_0000, 0, 0, 4] } },
      false,
    ],
    ['an IPv6 prefix and IPv4', [{ from: parseCidr('::/0')! }], tcp(1), false],
    ['ARP', [], { ethernet: { etherType: ETHERTYPE_ARP } }, true],
    ['any other EtherType', [{}], { ethernet: { etherType: 0x88cc } }, false],
    ['a second VLAN tag', [{}], { ethernet: { vlanTci: 1, etherType: 0x8100 } }, false],
    ['ICMP', [{ protocols: [PROTOCOL_ICMP, PROTOCOL_ICMPV6] }], { ipv4: { protocol: PROTOCOL_ICMP } }, true],
  ])('%s', (_, rules, spec, expected) => expect(accepts(rules, spec)).toBe(expected));

  it.each([
    [133, true],
    [134, true],
    [135, true],
    [136, true],
    [128, false],
    [137, false],
  ])('ICMPv6 of type %i without a rule for it: %s', (type, expected) => {
    // Where UDP has its source port, ICMP has type and code.
    const udp = { sourcePort: type << 8 };
    expect(accepts([], { ipv6: { nextHeader: PROTOCOL_ICMPV6 }, udp })).toBe(expected);
  });
});

describe('a frame in parts', () => {
  const whole = buildFrame({ ...tcp(6379), payload: numbered(20_000) });
  const rules = new ReceiveRules([redis]);

  it('is judged by the first of them', () => {
    expect(rules.accepts(bytesOf(whole), 0, 1400, whole.length)).toBe(true);
  });

  it('is dropped when that one does not reach to the ports', () => {
    expect(rules.accepts(bytesOf(whole), 0, 14 + 20 + 3, whole.length)).toBe(false);
    expect(rules.accepts(bytesOf(whole), 0, 14 + 20 + 4, whole.length)).toBe(true);
  });

  it('is judged where the memory ends behind the part', () => {
    const end = bytesOf(whole.slice(0, 1400));
    expect(rules.accepts(end, 0, 1400, whole.length)).toBe(true);
  });

  it('whose IPv6 extension headers lead out of the memory is dropped', () => {
    const extensions = new Uint8Array(4 * 2048);
    // Destination options of 2 KB, one behind the other.
    for (let at = 0; at < extensions.length; at += 2048) extensions.set([60, 255], at);
    const frame = buildFrame({ ipv6: { nextHeader: 60 }, extensions, payload: numbered(0) });
    const end = bytesOf(frame.slice(0, 1400));
    expect(new ReceiveRules([{}]).accepts(end, 0, 1400, frame.length)).toBe(false);
  });
});

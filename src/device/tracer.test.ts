// What the tracer says, as people read it.

import { describe, expect, it } from 'vitest';
import { buildFrame, HOST_A_MAC, HOST_B_IPV6, HOST_B_MAC, numbered } from '../../test/wire/frames.ts';
import { allocateBytes, type Bytes, bytesOf } from '../base/bytes.ts';
import { Inbox } from '../packet/inbox.ts';
import { Outbox } from '../packet/outbox.ts';
import { PieceList } from '../packet/pieces.ts';
import { localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { ARP_REPLY, ARP_REQUEST, emitArp } from '../wire/arp.ts';
import { ACK_WINDOW, emitAck } from '../wire/bifrost-ack.ts';
import { emitConnect } from '../wire/bifrost-connect.ts';
import {
  DATA_FIRST,
  DATA_HEADER_BYTES,
  DATA_LAST,
  DATA_RETRANSMITTED,
  DATA_SPECIAL,
  writeDataHeader,
} from '../wire/bifrost-data.ts';
import { ETHERTYPE_ARP, emitEthernet } from '../wire/ethernet.ts';
import { emitIcmpEcho } from '../wire/icmp.ts';
import { emitNeighbor } from '../wire/icmpv6.ts';
import { emitIpv4Header } from '../wire/ipv4.ts';
import { emitIpv6Header } from '../wire/ipv6.ts';
import { TCP_PSH, TCP_SYN } from '../wire/tcp.ts';
import { VIRTIO_NET_HDR_GSO_TCPV4, writeVirtioNetHeader } from '../wire/virtio-net-header.ts';
import { emitVxlan, VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import { describeFrame } from './describe-frame.ts';
import { describePacket } from './describe-packet.ts';
import { MemoryUnderlay, MemoryVnic } from './memory.ts';
import { traceUnderlay, traceVnic } from './tracer.ts';

function emitted(...parts: ((bytes: Bytes, at: number) => number)[]): Uint8Array {
  const bytes = allocateBytes(512);
  const length = parts.reduce((at, emit) => at + emit(bytes, at), 0);
  return bytes.u8.slice(0, length);
}

const text = (frame: Uint8Array) => describeFrame(bytesOf(frame), 0, frame.length);
const arp = (operation: typeof ARP_REQUEST | typeof ARP_REPLY) =>
  emitted(
    (bytes, at) =>
      emitEthernet({ destination: HOST_B_MAC, source: HOST_A_MAC, etherType: ETHERTYPE_ARP }, bytes, at),
    (bytes, at) =>
      emitArp(
        {
          operation,
          senderMac: HOST_A_MAC,
          senderIp: 0x0a000001,
          targetMac: 0,
          targetIp: 0x0a000002,
        },
        bytes,
        at,
      ),
  );

const MACS = '02:00:00:00:00:01 > 02:00:00:00:00:02';

describe('a frame', () => {
  const ethernet = { destination: HOST_B_MAC, source: HOST_A_MAC };
  const ipv4 = {
    tos: 0,
    identification: 1,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    source: 0x0a000001,
    destination: 0x0a000002,
    options: new Uint8Array(0),
  };
  const echo = emitted(
    (bytes, at) => emitEthernet({ ...ethernet, etherType: 0x0800 }, bytes, at),
    (bytes, at) => emitIpv4Header({ ...ipv4, protocol: 1, payloadLength: 12 }, bytes, at),
    (bytes, at) => emitIcmpEcho({ type: 8, identifier: 5, sequence: 6, data: numbered(4) }, bytes, at),
  );
  const solicitation = emitted(
    (bytes, at) => emitEthernet({ ...ethernet, etherType: 0x86dd }, bytes, at),
    (bytes, at) =>
      emitIpv6Header(
        {
          trafficClass: 0,
          flowLabel: 0,
          nextHeader: 58,
          hopLimit: 255,
          source: [0xfd000000, 0, 0, 1],
          destination: [0xff020000, 0, 1, 0xff000002],
          payloadLength: 24,
        },
        bytes,
        at,
      ),
    (bytes, at) => emitNeighbor({ kind: 'solicitation', target: HOST_B_IPV6 }, bytes, at),
  );

  const cases: [string, Uint8Array, string][] = [
    [
      'of TCP',
      buildFrame({ tcp: { flags: TCP_SYN | TCP_PSH }, payload: numbered(3) }),
      `${MACS}, 10.0.0.1:40000 > 10.0.0.2:7000 TCP [SP] seq 1 ack 2 data 3, 57 bytes`,
    ],
    [
      'of UDP over IPv6, tagged',
      buildFrame({ ethernet: { vlanTci: 0x6007 }, ipv6: {}, udp: {}, payload: numbered(5) }),
      `${MACS} vlan 7, [fd00::1]:40001 > [fd00::2]:7001 UDP data 5, 71 bytes`,
    ],
    ['asking', arp(ARP_REQUEST), `${MACS}, ARP who has 10.0.0.2, tell 10.0.0.1, 42 bytes`],
    ['answering', arp(ARP_REPLY), `${MACS}, ARP 10.0.0.1 is at 02:00:00:00:00:01, 42 bytes`],
    ['of ICMP', echo, `${MACS}, 10.0.0.1 > 10.0.0.2 ICMP echo request 5 seq 6, 46 bytes`],
    [
      'of neighbour discovery',
      solicitation,
      `${MACS}, [fd00::1] > [ff02::1:ff00:2] ICMPv6 who has fd00::2, 78 bytes`,
    ],
    [
      'that is a fragment',
      buildFrame({ ipv4: { moreFragments: true }, udp: {}, payload: numbered(8) }),
      `${MACS}, 10.0.0.1 > 10.0.0.2 fragment of protocol 17, 50 bytes`,
    ],
    [
      'of something else',
      buildFrame({ ethernet: { etherType: 0x88cc }, udp: {}, payload: numbered(8) }),
      `${MACS}, EtherType 0x88cc, 50 bytes`,
    ],
    ['too short', new Uint8Array(9), 'malformed frame, 9 bytes'],
  ];
  it.for(cases)('%s', ([, frame, expected]) => expect(text(frame)).toBe(expected));
});

describe('a packet', () => {
  const frame = buildFrame({ udp: {}, payload: numbered(8) });
  const whole = new Uint8Array(10 + frame.length);
  whole.set(frame, 10);
  const data = (flags: number, payload: Uint8Array) =>
    emitted(
      (bytes, at) => emitVxlan({ carries: 'bifrost', vni: 77 }, bytes, at),
      (bytes, at) => {
        writeDataHeader(bytes.view, at, 3, flags, 17, 0xa1b2c3d4, 99);
        return DATA_HEADER_BYTES;
      },
      (bytes, at) => {
        bytes.u8.set(payload, at);
        return payload.length;
      },
    );
  const bifrost = (emit: (bytes: Bytes, at: number) => number) =>
    emitted((bytes, at) => emitVxlan({ carries: 'bifrost', vni: 77 }, bytes, at), emit);
  const connect = { version: 1, ccType: 0, threadId: 0, features: 1, localCid: 7, destinationCid: 9 };
  const macs = { sourceMac: HOST_A_MAC, destinationMac: HOST_B_MAC };
  const described = text(frame);

  const cases: [string, Uint8Array, string][] = [
    [
      'of data that is a whole frame',
      data(DATA_FIRST | DATA_LAST | DATA_RETRANSMITTED, whole),
      `vni 77 data psn 17 again path 3 cid 0xa1b2c3d4: ${described}`,
    ],
    [
      'of data that is the first part of one',
      data(DATA_FIRST, whole.subarray(0, 20)),
      'vni 77 data psn 17 path 3 cid 0xa1b2c3d4 first of a frame, 20 bytes',
    ],
    ['that probes', data(DATA_SPECIAL, new Uint8Array(0)), 'vni 77 probe path 3 cid 0xa1b2c3d4'],
    [
      'that acknowledges',
      bifrost((bytes, at) =>
        emitAck(
          {
            ccType: 0,
            isSpecial: false,
            pathId: 6,
            hopCount: 0,
            ackValue: 0,
            ackType: ACK_WINDOW,
            psn: 40,
            destinationCid: 5,
            timestampMicros: 1,
            echoMicros: 2,
            nicRxMicros: 3,
            numAck: 12,
            numEce: 0,
            psnBase: 30,
            bitmap: Uint32Array.of(0xf0000001),
          },
          bytes,
          at,
        ),
      ),
      'vni 77 ack path 6 cid 0x00000005 newest psn 40, window from 30, bitmap 0xf0000001, 12 new',
    ],
    [
      'that asks for a connection',
      bifrost((bytes, at) => emitConnect({ type: 3, ...connect, ...macs }, bytes, at)),
      `vni 77 connection request ${MACS} cid 0x00000007`,
    ],
    [
      'that answers',
      bifrost((bytes, at) => emitConnect({ type: 4, ...connect, ...macs }, bytes, at)),
      `vni 77 connection response ${MACS} cid 0x00000007 to cid 0x00000009`,
    ],
    [
      'that resets',
      bifrost((bytes, at) => emitConnect({ type: 5, ...connect }, bytes, at)),
      'vni 77 reset of cid 0x00000009',
    ],
    [
      'that closes',
      bifrost((bytes, at) => emitConnect({ type: 6, ...connect, features: 2 }, bytes, at)),
      'vni 77 close of cid 0x00000009, reason 2',
    ],
    [
      'of plain VXLAN',
      emitted(
        (bytes, at) => emitVxlan({ carries: 'ethernet', vni: 78 }, bytes, at),
        (bytes, at) => {
          bytes.u8.set(frame, at);
          return frame.length;
        },
      ),
      `vni 78 plain: ${described}`,
    ],
    ['cut off', data(0, new Uint8Array(0)).subarray(0, 12), 'vni 77 malformed, type 1, 4 bytes'],
    ['of something else', new Uint8Array(VXLAN_HEADER_BYTES), 'not VXLAN, 8 bytes'],
  ];
  it.for(cases)('%s', ([, packet, expected]) =>
    expect(describePacket(bytesOf(packet), 0, packet.length)).toBe(expected),
  );
});

it('writes a line for each frame of a vNIC, with the time and who', () => {
  const region = new Region(localMemory(3));
  const lines: string[] = [];
  const clock = () => Date.UTC(2024, 1, 3, 4, 5, 6) * 1000 + 7.5;
  const inner = new MemoryVnic(region, new ChunkWriter(region, 0), () => {});
  const vnic = traceVnic(inner, 'sel0', { region, sink: (line) => lines.push(line), clock });
  const frame = new Uint8Array(10 + 54 + 100);
  writeVirtioNetHeader(bytesOf(frame).view, 0, 1, VIRTIO_NET_HDR_GSO_TCPV4, 54, 40, 34, 16);
  frame.set(buildFrame({ tcp: {}, payload: numbered(100) }), 10);
  inner.send(frame);
  const list = new PieceList(4);
  vnic.rx(list);
  vnic.tx(list, 0);
  const said = `${MACS}, 10.0.0.1:40000 > 10.0.0.2:7000 TCP [.] seq 1 ack 2 data 100, 154 bytes, to be cut into 40 bytes each`;
  expect(lines).toEqual([`04:05:06.000007 sel0 sends ${said}`, `04:05:06.000007 sel0 receives ${said}`]);
});

it('writes a line for each packet of an underlay, with the peer', () => {
  const region = new Region(localMemory(3));
  const lines: string[] = [];
  const inner = new MemoryUnderlay(region, new ChunkWriter(region, 0), () => {}, 10_000);
  const options = { region, sink: (line: string) => lines.push(line), clock: () => 0 };
  const underlay = traceUnderlay(inner, [0x0a000101, 0x0a000201], options);
  const outbox = new Outbox();
  emitVxlan({ carries: 'bifrost', vni: 5 }, region.bytes, outbox.headerEnd() - 8);
  outbox.add(1, 4, 8, 0, 0);
  underlay.tx(outbox);
  inner.arrive({ source: 0x0a000201, slot: 0, bytes: numbered(30), arrivedMicros: 0 });
  underlay.rx(new Inbox());
  expect(lines).toEqual([
    '00:00:00.000000 underlay sends to 10.0.2.1 slot 4 vni 5 malformed, type 0, 0 bytes',
    '00:00:00.000000 underlay receives from 10.0.2.1 not VXLAN, 30 bytes',
  ]);
});

// Our packets read by another program: a capture of everything we emit, dissected by tshark with docs/selvage.lua.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProgramFile } from '../../lab/programs.ts';
import { findProgram } from '../../lab/programs.ts';
import { allocateBytes } from '../../src/base/bytes.ts';
import { ACK_WINDOW, emitAck } from '../../src/wire/bifrost-ack.ts';
import {
  CLOSE_NO_VERSION,
  CLOSE_STOPPED,
  emitConnect,
  FEATURE_PAUSES,
  FEATURE_SUPER_FRAMES,
} from '../../src/wire/bifrost-connect.ts';
import {
  DATA_ACK_REQUIRED,
  DATA_ECN,
  DATA_FIRST,
  DATA_HEADER_BYTES,
  DATA_LAST,
  DATA_RETRANSMITTED,
  DATA_SPECIAL,
  DATA_TO_REQUESTER,
  writeDataHeader,
} from '../../src/wire/bifrost-data.ts';
import {
  PACKET_CLOSE,
  PACKET_CONNECTION_REQUEST,
  PACKET_CONNECTION_RESPONSE,
  PACKET_RESET,
} from '../../src/wire/bifrost-types.ts';
import { emitPause, type PauseRepr } from '../../src/wire/overlay-pause.ts';
import { writeForeignProbe, writeRouteProbe } from '../../src/wire/route-probe.ts';
import {
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HEADER_BYTES,
  writeVirtioNetHeader,
} from '../../src/wire/virtio-net-header.ts';
import { emitVxlan, VXLAN_HEADER_BYTES, VXLAN_PORT } from '../../src/wire/vxlan.ts';
import { emitZooRoute } from '../../src/wire/zooroute.ts';
import { buildFrame, numbered } from '../wire/frames.ts';
import { fromHex } from '../wire/hex.ts';
import { writeCapture } from '../wire/pcap.ts';
import { runTshark } from '../wire/tshark.ts';

const TIMEOUT_MILLIS = 60_000;
const VNI = 0x123456;
const CID = 0xa1b2c3d4;

function encapsulate(carries: 'ethernet' | 'bifrost', payload: Uint8Array): Uint8Array {
  const bytes = allocateBytes(VXLAN_HEADER_BYTES + payload.length);
  emitVxlan({ carries, vni: VNI }, bytes, 0);
  bytes.u8.set(payload, VXLAN_HEADER_BYTES);
  return onTheUnderlay(bytes.u8);
}

function onTheUnderlay(payload: Uint8Array): Uint8Array {
  return buildFrame({
    ipv4: { source: 0xc0000201, destination: 0xc0000202 },
    udp: { sourcePort: 50001, destinationPort: VXLAN_PORT },
    payload,
  });
}

function routeProbe(write = writeRouteProbe): Uint8Array {
  const { u8, view } = allocateBytes(64);
  return onTheUnderlay(u8.subarray(0, write(view, 0, 20)));
}

function dataPacket(flags: number, pathId: number, psn: number, payload: Uint8Array): Uint8Array {
  const bytes = allocateBytes(DATA_HEADER_BYTES + payload.length);
  writeDataHeader(bytes.view, 0, pathId, flags, psn, CID, 123_456_789);
  bytes.u8.set(payload, DATA_HEADER_BYTES);
  return encapsulate('bifrost', bytes.u8);
}

function emitted(emit: (bytes: ReturnType<typeof allocateBytes>) => number): Uint8Array {
  const bytes = allocateBytes(64);
  return encapsulate('bifrost', bytes.u8.subarray(0, emit(bytes)));
}

const tenantFrame = buildFrame({ tcp: { destinationPort: 7777 }, payload: numbered(200) });

function zooRoute(type: number, body: string, more: { ctl?: number; isLast?: boolean } = {}): Uint8Array {
  const bytes = allocateBytes(128);
  const length = emitZooRoute(
    {
      type,
      version: 1,
      modes: 5,
      role: 3,
      ctl: more.ctl ?? 0,
      isLast: more.isLast ?? false,
      sequence: 77,
      source: [0, 0, 0xffff, 0xc0000201],
      backend: 0x02_00_00_00_00_07,
      body: fromHex(body),
    },
    bytes,
    0,
  );
  return onTheUnderlay(bytes.u8.subarray(0, length));
}

function withVirtioHeader(): Uint8Array {
  const bytes = allocateBytes(VIRTIO_NET_HEADER_BYTES + tenantFrame.length);
  writeVirtioNetHeader(bytes.view, 0, 1, VIRTIO_NET_HDR_GSO_TCPV4, 54, 100, 34, 16);
  bytes.u8.set(tenantFrame, VIRTIO_NET_HEADER_BYTES);
  return bytes.u8;
}

const macs = { sourceMac: 0x02_00_00_00_00_01, destinationMac: 0x02_00_00_00_00_02 };
const connect = { version: 1, ccType: 0, threadId: 9, features: FEATURE_SUPER_FRAMES | FEATURE_PAUSES };
const message = withVirtioHeader();

/** A pause of so many bytes, as emitPause wrote it or cut short. */
function pauseFrame(repr: Partial<PauseRepr>, length?: number): Uint8Array {
  const common = { ccType: 0, sequence: 4_000_000_001, destinationCid: CID, key: ipv4Key };
  const asked = { pauseMicros: 1234, rateBytesPerSecond: 125_000_000 };
  return emitted((bytes) => {
    const written = emitPause({ ...common, ...asked, ...repr }, bytes, 0);
    return length ?? written;
  });
}

const ports = (40_000 << 16) | 7777;
const ipv4Key = Uint32Array.of(0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0, ports, 0x0406_0000, 0);
const ipv6Words = [0x20010db8, 0, 0, 1, 0x20010db8, 0, 0, 2];
const ipv6Key = Uint32Array.of(...ipv6Words, ports, 0x0611_0abc, 7);
const macKey = Uint32Array.of(0x0200, 1, 0, 0, 0x0200, 2, 0, 0, 0x88b5, 0, 0);

const packets: Record<string, Uint8Array> = {
  whole: dataPacket(DATA_FIRST | DATA_LAST | DATA_ACK_REQUIRED, 3, 17, message),
  first: dataPacket(DATA_FIRST | DATA_TO_REQUESTER, 7, 18, message.subarray(0, 120)),
  last: dataPacket(DATA_LAST | DATA_RETRANSMITTED | DATA_ECN, 0, 19, message.subarray(120)),
  probe: dataPacket(DATA_SPECIAL, 5, 20, new Uint8Array(0)),
  ack: emitted((bytes) =>
    emitAck(
      {
        ccType: 0,
        isSpecial: true,
        pathId: 6,
        hopCount: 3,
        ackValue: 21,
        ackType: ACK_WINDOW,
        psn: 4_000_000_000,
        destinationCid: CID,
        timestampMicros: 1,
        echoMicros: 2,
        nicRxMicros: 4_294_967_295,
        numAck: 2000,
        numEce: 1999,
        psnBase: 3,
        bitmap: Uint32Array.of(0x40000000, 0x00000001),
      },
      bytes,
      0,
    ),
  ),
  request: emitted((bytes) =>
    emitConnect(
      { type: PACKET_CONNECTION_REQUEST, ...connect, localCid: CID, destinationCid: 0, ...macs },
      bytes,
      0,
    ),
  ),
  response: emitted((bytes) =>
    emitConnect(
      { type: PACKET_CONNECTION_RESPONSE, ...connect, localCid: 7, destinationCid: CID, ...macs },
      bytes,
      0,
    ),
  ),
  reset: emitted((bytes) =>
    emitConnect(
      {
        type: PACKET_RESET,
        version: 1,
        ccType: 0,
        threadId: 0,
        features: 0,
        localCid: 0,
        destinationCid: CID,
      },
      bytes,
      0,
    ),
  ),
  close: emitted((bytes) =>
    emitConnect(
      {
        type: PACKET_CLOSE,
        version: 1,
        ccType: 0,
        threadId: 0,
        features: CLOSE_STOPPED,
        localCid: 7,
        destinationCid: CID,
      },
      bytes,
      0,
    ),
  ),
  refusal: emitted((bytes) =>
    emitConnect(
      {
        type: PACKET_CLOSE,
        version: 9,
        ccType: 0,
        threadId: 0,
        features: CLOSE_NO_VERSION,
        localCid: 0,
        destinationCid: CID,
      },
      bytes,
      0,
    ),
  ),
  pause: pauseFrame({}),
  pauseIpv6: pauseFrame({ key: ipv6Key }),
  pauseMacs: pauseFrame({ key: macKey, rateBytesPerSecond: Number.POSITIVE_INFINITY }),
  release: pauseFrame({ pauseMicros: 0, rateBytesPerSecond: Number.POSITIVE_INFINITY }),
  pauseCut: pauseFrame({ key: ipv6Key }, 40),
  newer: emitted((bytes) =>
    emitConnect(
      { type: PACKET_CONNECTION_REQUEST, ...connect, version: 2, localCid: CID, destinationCid: 0, ...macs },
      bytes,
      0,
    ),
  ),
  newerData: encapsulate('bifrost', Uint8Array.of(1, 0x20, ...new Uint8Array(14))),
  plain: encapsulate('ethernet', tenantFrame),
  routeProbe: routeProbe(),
  foreignProbe: routeProbe(writeForeignProbe),
  negotiation: zooRoute(0x11, '2710 0000 deadbeef 0011223344556677'),
  telemetryResponse: zooRoute(
    0x7f,
    '2711 0000 deadbeef 0011223344556677 00000005 0000004d 8000000000000001',
    {
      ctl: 2,
    },
  ),
  tableUpdate: zooRoute(0x05, '00000007 ff00000000000000 00000008 fe00000000000000', { isLast: true }),
  zooTruncated: onTheUnderlay(Uint8Array.of(0xff, 0xee, 0xdd, 0x7e, 1)),
  truncated: encapsulate('bifrost', Uint8Array.of(2, 0x10, 0, 0, 0)),
};

/** tshark's tree of one packet: names to a value, a subtree, or a list of either where a name repeats. */
interface Tree {
  readonly [name: string]: string | Tree | readonly (string | Tree)[];
}

/** All values of a field, wherever it stands; undefined where there is none. */
function find(tree: Tree, name: string): string | string[] | undefined {
  const found: string[] = [];
  const visit = (node: Tree) => {
    for (const [key, value] of Object.entries(node)) {
      for (const item of Array.isArray(value) ? value : [value]) {
        if (typeof item !== 'string') visit(item);
        else if (key === name) found.push(item);
      }
    }
  };
  visit(tree);
  return found.length < 2 ? found[0] : found;
}

const folder = mkdtempSync(join(tmpdir(), 'selvage-dissector-'));
const dissected = new Map<string, Tree>();

async function dissect(tshark: ProgramFile): Promise<void> {
  const capture = join(folder, 'packets.pcap');
  writeFileSync(capture, writeCapture(Object.values(packets)));
  const script = new URL('../../docs/selvage.lua', import.meta.url).pathname;
  const options = ['-r', capture, '-n', '-T', 'json', '--no-duplicate-keys'];
  const json = await runTshark(tshark, script, options, folder, TIMEOUT_MILLIS);
  const trees = JSON.parse(json) as { _source: { layers: Tree } }[];
  for (const [i, name] of Object.keys(packets).entries()) dissected.set(name, trees[i]!._source.layers);
}

describe('tshark with docs/selvage.lua', () => {
  let tshark: ProgramFile | undefined;

  beforeAll(async () => {
    tshark = await findProgram('tshark');
    if (tshark !== undefined) await dissect(tshark);
  }, 2 * TIMEOUT_MILLIS);

  afterAll(() => rmSync(folder, { recursive: true }));

  const cases: [string, Record<string, string | string[] | undefined>][] = [
    [
      'whole',
      {
        'selvage.vni': '1193046',
        'selvage.type': '1',
        'selvage.version': '1',
        'selvage.psn': '17',
        'selvage.path': '3',
        'selvage.cid': '0xa1b2c3d4',
        'selvage.timestamp': '123456789',
        'selvage.data.ack': '1',
        'selvage.data.first': '1',
        'selvage.data.last': '1',
        'selvage.data.ret': '0',
        'selvage.virtio.gso_type': '1',
        'selvage.virtio.gso_size': '100',
        'selvage.virtio.csum_start': '34',
        'tcp.dstport': '7777',
        'tcp.len': '200',
      },
    ],
    ['routeProbe', { 'selvage.vni': '0', 'selvage.type': undefined, 'eth.type': '0x0800' }],
    ['foreignProbe', { 'selvage.vni': '0', 'selvage.zoo.type': undefined, 'eth.type': '0x0800' }],
    [
      'first',
      {
        'selvage.data.first': '1',
        'selvage.data.last': '0',
        'selvage.data.dir': '1',
        'selvage.path': '7',
        'tcp.dstport': '7777',
      },
    ],
    [
      'last',
      {
        'selvage.data.first': '0',
        'selvage.data.last': '1',
        'selvage.data.ret': '1',
        'selvage.data.ece': '1',
        'tcp.dstport': undefined,
      },
    ],
    ['probe', { 'selvage.data.se': '1', 'selvage.path': '5', 'selvage.data.part': undefined }],
    [
      'ack',
      {
        'selvage.type': '2',
        'selvage.ack.se': '1',
        'selvage.path': '6',
        'selvage.ack.hop_count': '3',
        'selvage.ack.value': '21',
        'selvage.ack.type': '1',
        'selvage.psn': '4000000000',
        'selvage.cid': '0xa1b2c3d4',
        'selvage.timestamp': '1',
        'selvage.ack.echo': '2',
        'selvage.ack.nic_rx': '4294967295',
        'selvage.ack.num_ack': '2000',
        'selvage.ack.num_ece': '1999',
        'selvage.ack.bitmap_len': '2',
        'selvage.ack.psn_base': '3',
        'selvage.ack.bitmap': ['0x40000000', '0x00000001'],
      },
    ],
    [
      'request',
      {
        'selvage.type': '3',
        'selvage.connect.thread': '9',
        'selvage.connect.super_frames': '1',
        'selvage.connect.pauses': '1',
        'selvage.connect.local_cid': '0xa1b2c3d4',
        'selvage.cid': '0x00000000',
        'selvage.connect.source_mac': '02:00:00:00:00:01',
        'selvage.connect.destination_mac': '02:00:00:00:00:02',
      },
    ],
    [
      'response',
      { 'selvage.type': '4', 'selvage.connect.local_cid': '0x00000007', 'selvage.cid': '0xa1b2c3d4' },
    ],
    ['reset', { 'selvage.type': '5', 'selvage.cid': '0xa1b2c3d4', 'selvage.connect.source_mac': undefined }],
    [
      'close',
      {
        'selvage.type': '6',
        'selvage.close.reason': '2',
        'selvage.close.refused': '0',
        'selvage.connect.local_cid': '0x00000007',
        'selvage.cid': '0xa1b2c3d4',
        'selvage.connect.super_frames': undefined,
      },
    ],
    ['refusal', { 'selvage.version': '9', 'selvage.close.reason': '4', 'selvage.close.refused': '1' }],
    [
      'pause',
      {
        'selvage.type': '7',
        'selvage.cid': '0xa1b2c3d4',
        'selvage.pause.key_type': '4',
        'selvage.pause.vlan': '0',
        'selvage.pause.sequence': '4000000001',
        'selvage.pause.micros': '1234',
        'selvage.pause.protocol': '6',
        'selvage.pause.rate': '1000000',
        'selvage.pause.no_limit': '0',
        'selvage.pause.release': '0',
        'selvage.pause.source_ip': '10.0.0.1',
        'selvage.pause.destination_ip': '10.0.0.2',
        'selvage.pause.source_port': '40000',
        'selvage.pause.destination_port': '7777',
        'selvage.malformed': undefined,
      },
    ],
    [
      'pauseIpv6',
      {
        'selvage.pause.key_type': '6',
        'selvage.pause.vlan': '2748',
        'selvage.pause.protocol': '17',
        'selvage.pause.native_flow': '0x00000007',
        'selvage.pause.source_ipv6': '2001:db8::1',
        'selvage.pause.destination_ipv6': '2001:db8::2',
        'selvage.pause.destination_port': '7777',
      },
    ],
    [
      'pauseMacs',
      {
        'selvage.pause.key_type': '0',
        'selvage.pause.no_limit': '1',
        'selvage.pause.release': '0',
        'selvage.pause.source_mac': '02:00:00:00:00:01',
        'selvage.pause.destination_mac': '02:00:00:00:00:02',
        'selvage.pause.ether_type': '0x88b5',
      },
    ],
    [
      'release',
      {
        'selvage.pause.release': '1',
        'selvage.pause.micros': '0',
        'selvage.pause.native_flow': '0x00000000',
        'selvage.pause.source_ip': '10.0.0.1',
      },
    ],
    ['pauseCut', { 'selvage.type': '7', 'selvage.pause.micros': undefined, 'selvage.malformed': '' }],
    ['newer', { 'selvage.version': '2', 'selvage.type': '3', 'selvage.malformed': undefined }],
    ['newerData', { 'selvage.type': undefined, 'selvage.malformed': '' }],
    [
      'plain',
      { 'selvage.type': undefined, 'selvage.vni': undefined, 'vxlan.vni': '1193046', 'tcp.dstport': '7777' },
    ],
    [
      'negotiation',
      {
        'selvage.zoo.type': '0x11',
        'selvage.zoo.version': '1',
        'selvage.zoo.role': '3',
        'selvage.zoo.full': '1',
        'selvage.zoo.partial': '0',
        'selvage.zoo.backends': '1',
        'selvage.zoo.sequence': '77',
        'selvage.zoo.source': '::ffff:192.0.2.1',
        'selvage.zoo.backend': '02:00:00:00:00:07',
        'selvage.zoo.port': '10000',
        'selvage.zoo.process': '0xdeadbeef',
        'selvage.zoo.newest': undefined,
      },
    ],
    [
      'telemetryResponse',
      {
        'selvage.zoo.type': '0x7f',
        'selvage.zoo.ctl': '2',
        'selvage.zoo.tag': '00:11:22:33:44:55:66:77',
        'selvage.zoo.record': '5',
        'selvage.zoo.newest': '77',
        'selvage.zoo.before': '80:00:00:00:00:00:00:01',
      },
    ],
    [
      'tableUpdate',
      {
        'selvage.zoo.type': '0x05',
        'selvage.zoo.last': '1',
        'selvage.zoo.element': ['7', '8'],
        'selvage.zoo.state': ['ff:00:00:00:00:00:00:00', 'fe:00:00:00:00:00:00:00'],
      },
    ],
    ['zooTruncated', { 'selvage.zoo.type': undefined, 'selvage.malformed': '' }],
    ['truncated', { 'selvage.type': '2', 'selvage.malformed': '' }],
  ];

  it.for(cases)('reads %s', ([name, expected], context) => {
    if (tshark === undefined) context.skip('there is no tshark here and it could not be fetched');
    const tree = dissected.get(name)!;
    for (const [field, value] of Object.entries(expected)) expect(find(tree, field), field).toEqual(value);
  });
});

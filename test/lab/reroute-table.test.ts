// The programs of rerouting one packet at a time (BPF_PROG_TEST_RUN): they choose the port that TypeScript's selection
// chooses, touch nothing else, and tell the process what it must know.
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { runOnPacket } from '../../src/linux/bpf/test-run.testing.ts';
import {
  type FastEntry,
  FORM_BITMAP,
  FORM_GROUPS,
  FORM_STRIDES,
  selectPort,
  stateBytes,
  UNIT_BYTES,
} from '../../src/paths/reroute/fast-select.ts';
import { FastMaps } from '../../src/reroute/fast-maps.ts';
import { KernelHalf } from '../../src/reroute/kernel-half.ts';
import type { KernelHalfOptions } from '../../src/reroute/options.ts';
import { asIpv6, type HostAddress, type Ipv6Address } from '../../src/wire/address.ts';
import { type OverlayPacket, overlayFrame, udpAtOf, udpSum, vxlanPayload } from './overlay-packets.ts';
import { needBpf } from './rights.ts';

needBpf();

const PORT = 4789;
const NEXT = -1;
const DROP = 2;
const LOCAL = 0x0a000001;
const LOCAL6: Ipv6Address = [0x20010db8, 0, 0, 1];
const PEER = 0x0a000002;
const PEER6: Ipv6Address = [0x20010db8, 0, 0, 2];

const inner = vxlanPayload({
  source: 0xc0a80001,
  destination: 0xc0a80002,
  sourcePort: 1000,
  destinationPort: 80,
});
const leaving: OverlayPacket = {
  source: LOCAL,
  destination: PEER,
  sourcePort: 45_678,
  destinationPort: PORT,
  payload: inner,
};
const zooroute = Uint8Array.from([0xff, 0xee, 0xdd, 0x7e, ...new Array<number>(60).fill(1)]);

/** Too old even by a clock that is a tick behind. */
const STALE = { staleMicros: -20_000 };

const opened: KernelHalf[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

function open(options: Partial<KernelHalfOptions> = {}): { kernel: KernelHalf; maps: FastMaps } {
  const kernel = new KernelHalf({ devices: [], port: PORT, locals: [LOCAL, LOCAL6], ...options });
  opened.push(kernel);
  return { kernel, maps: new FastMaps(kernel, nowMicros()) };
}

function nowMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function fill(maps: FastMaps, destination: HostAddress, entry: FastEntry, states: Uint8Array): void {
  const view = new DataView(states.buffer);
  for (let at = 0; at < states.length; at += 8) {
    maps.store(at / 8, view.getUint32(at, true), view.getUint32(at + 4, true));
  }
  maps.place(asIpv6(destination), entry);
}

const portOf = (frame: Uint8Array, packet: OverlayPacket) =>
  new DataView(frame.buffer, frame.byteOffset).getUint16(udpAtOf(packet));

/** The frame with another port, as it should come out. */
function withPort(packet: OverlayPacket, port: number): Uint8Array {
  return overlayFrame({ ...packet, sourcePort: port });
}

/** States of all kinds: whole words, few bits, bytes that mean a port and bytes that mean none. */
const states = fc.oneof(
  fc.uint8Array({ minLength: 128, maxLength: 128 }),
  fc.array(fc.constantFrom(0, 1, 2, 32, 33, 64, 65, 255), { minLength: 128, maxLength: 128 }),
  fc.array(fc.constantFrom(0, 0, 0, 0, 0, 1, 128), { minLength: 128, maxLength: 128 }),
);
const entries = fc
  .record({
    form: fc.constantFrom(FORM_BITMAP, FORM_STRIDES, FORM_GROUPS),
    homes: fc.constantFrom(32, 64),
    basePort: fc.constantFrom(10_000, 1024, 65_535 - 64),
    unit: fc.nat(31),
  })
  .map(({ unit, ...entry }): FastEntry => {
    const bytes = stateBytes(entry.form, entry.homes);
    const aligned = bytes >= 8 ? unit & ~1 : unit;
    return { ...entry, unit: Math.min(aligned, (128 - Math.max(bytes, 8)) / UNIT_BYTES) };
  });
const packets = fc
  .record({
    isIpv4: fc.boolean(),
    sourcePort: fc.integer({ min: 1, max: 65_535 }),
    tags: fc.nat(2),
    hasChecksum: fc.boolean(),
    optionWords: fc.constantFrom(0, 0, 0, 3),
    vni: fc.integer({ min: 1, max: 0xffffff }),
  })
  .map(({ isIpv4, vni, hasChecksum, ...rest }): OverlayPacket => {
    const payload = vxlanPayload({ source: 1, destination: 2, sourcePort: 3, destinationPort: 4, vni });
    const addresses = isIpv4 ? { source: LOCAL, destination: PEER } : { source: LOCAL6, destination: PEER6 };
    return {
      ...addresses,
      ...rest,
      destinationPort: PORT,
      payload,
      hasChecksum: hasChecksum && rest.optionWords === 0,
      optionWords: isIpv4 ? rest.optionWords : 0,
    };
  });

describe('on the way out', () => {
  test('the port is the one that TypeScript’s selection chooses, and the checksum stays right', () => {
    const { kernel, maps } = open();
    const program = kernel.programFd('egress');
    const seen = { changed: 0, left: 0 };
    const property = fc.property(
      states,
      entries,
      fc.array(packets, { maxLength: 8 }),
      (some, entry, each) => {
        const bytes = Uint8Array.from(some);
        for (const peer of [PEER, PEER6]) fill(maps, peer, entry, bytes);
        for (const packet of each) {
          const chosen = selectPort(bytes, entry, packet.sourcePort) || packet.sourcePort;
          seen[chosen === packet.sourcePort ? 'left' : 'changed']++;
          const frame = overlayFrame(packet);
          const run = runOnPacket(program, frame);
          expect(run.verdict).toBe(NEXT);
          expect(run.packet).toEqual(withPort(packet, chosen));
          if (packet.hasChecksum) expect(udpSum(run.packet, udpAtOf(packet))).toBe(0xffff);
        }
      },
    );
    fc.assert(property, { numRuns: 2000 });
    expect(seen.changed).toBeGreaterThan(1000);
    expect(seen.left).toBeGreaterThan(100);
    expect(kernel.settings.counts.notWritten).toBe(0);
  });

  /** Every flow takes port 10005. */
  function takeOnlyPort5(maps: FastMaps, destination: HostAddress = PEER): void {
    const entry = { form: FORM_BITMAP, basePort: 10_000, homes: 32, unit: 0 } as const;
    fill(maps, destination, entry, Uint8Array.from([1 << 5, 0, 0, 0, 0, 0, 0, 0]));
  }

  test.each<[string, Partial<OverlayPacket>]>([
    ['another port', { destinationPort: 4790 }],
    ['a host that only passes through', { source: 0x0a000003 }],
    ['a destination that is not in the table', { destination: 0x0a000004 }],
    ['VXLAN-GPE, which is Selvage’s own', { payload: vxlanPayload({ ...innerOf(), flags: 0x0c }) }],
    ['the VNI of probes for routes', { payload: vxlanPayload({ ...innerOf(), vni: 0 }) }],
    ['the protocol’s own packets', { payload: zooroute }],
    ['a fragment that is not the first', { fragment: 0x2001 }],
    ['TCP', { protocol: 6 }],
    ['no room for VXLAN', { payload: new Uint8Array(7) }],
  ])('leaves %s', (_what, change) => {
    const { kernel, maps } = open();
    takeOnlyPort5(maps);
    const packet = { ...leaving, ...change };
    const frame = overlayFrame(packet);
    const run = runOnPacket(kernel.programFd('egress'), frame);
    expect(run.packet).toEqual(frame);
    expect(run.verdict).toBe(NEXT);
    expect(portOf(runOnPacket(kernel.programFd('egress'), overlayFrame(leaving)).packet, leaving)).toBe(
      10_005,
    );
  });

  test('a first fragment has the port of the others of its flow', () => {
    const { kernel, maps } = open();
    takeOnlyPort5(maps);
    const packet = { ...leaving, fragment: 0x2000 };
    expect(portOf(runOnPacket(kernel.programFd('egress'), overlayFrame(packet)).packet, packet)).toBe(10_005);
  });

  test('leaves everything when the process was not heard of for too long', () => {
    const { kernel, maps } = open(STALE);
    takeOnlyPort5(maps);
    const frame = overlayFrame(leaving);
    expect(runOnPacket(kernel.programFd('egress'), frame).packet).toEqual(frame);
  });

  test('goes back to plain hashing when a destination is removed', () => {
    const { kernel, maps } = open();
    takeOnlyPort5(maps);
    maps.remove(asIpv6(PEER));
    const frame = overlayFrame(leaving);
    expect(runOnPacket(kernel.programFd('egress'), frame).packet).toEqual(frame);
  });

  test('marks which ports were used, once a look', () => {
    const { kernel, maps } = open();
    takeOnlyPort5(maps);
    const used: [HostAddress, number][] = [];
    const look = () => {
      used.length = 0;
      maps.lookAtActivity((destination, port) => used.push([destination, port]));
      return [...used];
    };
    expect(look()).toEqual([]);
    const frame = overlayFrame(leaving);
    runOnPacket(kernel.programFd('egress'), frame, 3);
    expect(look()).toEqual([[PEER, 10_005]]);
    expect(look()).toEqual([]);
    // Bit 63 is the sign of a word.
    fill(
      maps,
      PEER,
      { form: FORM_BITMAP, basePort: 10_000, homes: 64, unit: 0 },
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128),
    );
    afterTick();
    runOnPacket(kernel.programFd('egress'), frame);
    expect(look()).toEqual([[PEER, 10_063]]);
    fill(maps, PEER, { form: FORM_BITMAP, basePort: 10_000, homes: 64, unit: 0 }, new Uint8Array(8));
    afterTick();
    runOnPacket(kernel.programFd('egress'), frame);
    expect(look()).toEqual([[PEER, 0]]);
  });

  test('more destinations than there are lines at the front have each their own', () => {
    const { kernel, maps } = open();
    const egress = kernel.programFd('egress');
    const peers = Array.from({ length: 600 }, (_, i) => PEER + 1 + i * 7);
    const portOfPeer = (i: number) => 10_000 + (i % 32);
    for (const [i, peer] of peers.entries()) {
      maps.store(i, 1 << (i % 32), 0);
      maps.place(asIpv6(peer), { form: FORM_BITMAP, basePort: 10_000, homes: 32, unit: 2 * i });
    }
    for (const [i, peer] of peers.entries()) {
      const packet = { ...leaving, destination: peer };
      expect(portOf(runOnPacket(egress, overlayFrame(packet)).packet, packet)).toBe(portOfPeer(i));
    }
    const used = new Map<HostAddress, number>();
    maps.lookAtActivity((destination, port) => used.set(destination, port));
    expect(used).toEqual(new Map(peers.map((peer, i) => [peer, portOfPeer(i)])));
    for (const peer of peers) maps.remove(asIpv6(peer));
    for (const peer of peers) {
      const frame = overlayFrame({ ...leaving, destination: peer });
      expect(runOnPacket(egress, frame).packet).toEqual(frame);
    }
  });

  test('tells of a destination that is not in the table, once a second', () => {
    const { kernel, maps } = open();
    const used: [HostAddress, number][] = [];
    const egress = kernel.programFd('egress');
    runOnPacket(egress, overlayFrame({ ...leaving, source: LOCAL6, destination: PEER6 }), 5);
    runOnPacket(egress, overlayFrame(leaving), 5);
    // BUM traffic of a multicast underlay is no peer.
    runOnPacket(egress, overlayFrame({ ...leaving, destination: 0xef010101 }), 5);
    maps.listen({ used: (destination, port) => used.push([destination, port]), arrived: () => {} });
    expect(used).toEqual([
      [PEER6, 0],
      [PEER, 0],
    ]);
  });
});

function innerOf() {
  return { source: 1, destination: 2, sourcePort: 3, destinationPort: 4 };
}

/** The programs' clock moves in steps of a tick. */
function afterTick(): void {
  const until = process.hrtime.bigint() + 11_000_000n;
  while (process.hrtime.bigint() < until);
}

describe('on the way in', () => {
  const coming: OverlayPacket = { ...leaving, source: PEER, destination: LOCAL };
  const probe: OverlayPacket = { ...coming, sourcePort: 10_007, hops: 61, payload: zooroute };

  function listen(maps: FastMaps) {
    const heard: { source: HostAddress; sourcePort: number; hopLimit: number; bytes: number[] }[] = [];
    maps.listen({
      used: () => {},
      arrived: ({ source, sourcePort, hopLimit, bytes, at, length }) =>
        heard.push({ source, sourcePort, hopLimit, bytes: [...bytes.u8.subarray(at, at + length)] }),
    });
    return heard;
  }

  test.each([
    ['IPv4', probe],
    ['IPv6', { ...probe, source: PEER6, destination: LOCAL6 }],
    ['a tag', { ...probe, tags: 1 }],
  ])('packets with the magic number go to the process and no further (%s)', (_what, packet) => {
    const { kernel, maps } = open();
    const before = nowMicros();
    expect(runOnPacket(kernel.programFd('ingress'), overlayFrame(packet)).verdict).toBe(DROP);
    let at = 0;
    maps.listen({
      used: () => {},
      arrived: ({ receivedMicros }) => {
        at = receivedMicros;
      },
    });
    expect(at).toBeGreaterThanOrEqual(before);
    expect(at).toBeLessThanOrEqual(nowMicros());
    runOnPacket(kernel.programFd('ingress'), overlayFrame(packet));
    expect(listen(maps)).toEqual([
      { source: packet.source, sourcePort: 10_007, hopLimit: 61, bytes: [...zooroute] },
    ]);
    expect(kernel.settings.counts.captured).toBe(2);
  });

  test.each<[string, Partial<OverlayPacket>]>([
    ['tenants’ packets', { payload: inner }],
    ['packets to another host', { destination: 0x0a000009 }],
    ['packets to another port', { destinationPort: 4790 }],
  ])('%s pass', (_what, change) => {
    const { kernel, maps } = open({ learns: true });
    const frame = overlayFrame({ ...probe, ...change });
    const run = runOnPacket(kernel.programFd('ingress'), frame);
    expect(run.verdict).toBe(NEXT);
    expect(run.packet).toEqual(frame);
    expect(listen(maps)).toEqual([]);
  });

  test('nothing is kept for a process that is no more', () => {
    const { kernel } = open(STALE);
    expect(runOnPacket(kernel.programFd('ingress'), overlayFrame(probe)).verdict).toBe(NEXT);
    expect(kernel.settings.counts.captured).toBe(0);
  });

  test('one that is too long or cut is given up and counted', () => {
    const { kernel, maps } = open();
    const ingress = kernel.programFd('ingress');
    const long = new Uint8Array(257);
    long.set(zooroute);
    expect(runOnPacket(ingress, overlayFrame({ ...probe, payload: long })).verdict).toBe(DROP);
    const cut = overlayFrame(probe);
    expect(runOnPacket(ingress, cut.subarray(0, cut.length - 10)).verdict).toBe(DROP);
    expect(listen(maps)).toEqual([]);
    expect(kernel.settings.counts.tooLong).toBe(2);
  });

  test('a flood of strangers takes nothing from peers, and one of peers ends where the ring is full', () => {
    const { kernel, maps } = open({ strangersPerSecond: 100 });
    const ingress = kernel.programFd('ingress');
    runOnPacket(ingress, overlayFrame(probe), 10_000);
    const { tooManyOfStrangers, captured } = kernel.settings.counts;
    expect(captured + tooManyOfStrangers).toBe(10_000);
    expect(tooManyOfStrangers).toBeGreaterThan(9000);
    maps.place(asIpv6(PEER), { form: FORM_BITMAP, basePort: 10_000, homes: 32, unit: 0 });
    runOnPacket(ingress, overlayFrame(probe), 10_000);
    const counts = kernel.settings.counts;
    expect(counts.captured - captured).toBeGreaterThan(100);
    expect(counts.captured + counts.noRoom + counts.tooManyOfPeers + tooManyOfStrangers).toBe(20_000);
    expect(listen(maps)).toHaveLength(counts.captured);
    runOnPacket(ingress, overlayFrame(probe));
    expect(listen(maps).length).toBeLessThanOrEqual(1);
  });
});

describe('a middlebox', () => {
  const request = vxlanPayload({ source: 1, destination: 2, sourcePort: 3000, destinationPort: 80 });
  const answer = vxlanPayload({ source: 2, destination: 1, sourcePort: 80, destinationPort: 3000 });
  const asked: OverlayPacket = {
    ...leaving,
    source: PEER,
    destination: LOCAL,
    sourcePort: 10_017,
    payload: request,
  };
  const answered: OverlayPacket = { ...leaving, payload: answer };

  test('answers by the port it was asked by, and by the new one when that changes', () => {
    const { kernel } = open({ learns: true });
    const port = () =>
      portOf(runOnPacket(kernel.programFd('egress'), overlayFrame(answered)).packet, answered);
    expect(port()).toBe(answered.sourcePort);
    runOnPacket(kernel.programFd('ingress'), overlayFrame(asked));
    expect(port()).toBe(10_017);
    runOnPacket(kernel.programFd('ingress'), overlayFrame({ ...asked, sourcePort: 10_003 }));
    expect(port()).toBe(10_003);
  });

  test.each<[string, Uint8Array, HostAddress]>([
    [
      'of another network',
      vxlanPayload({ source: 2, destination: 1, sourcePort: 80, destinationPort: 3000, vni: 7 }),
      PEER,
    ],
    [
      'of another port',
      vxlanPayload({ source: 2, destination: 1, sourcePort: 80, destinationPort: 3001 }),
      PEER,
    ],
    ['to another host', answer, 0x0a000077],
  ])('leaves a flow %s', (_what, payload, destination) => {
    const { kernel } = open({ learns: true });
    runOnPacket(kernel.programFd('ingress'), overlayFrame(asked));
    const frame = overlayFrame({ ...answered, payload, destination });
    expect(runOnPacket(kernel.programFd('egress'), frame).packet).toEqual(frame);
  });
});

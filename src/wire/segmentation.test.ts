// Segmenter against a plain twin, against what Linux made of the same frames, and against bad frames.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FrameSpec } from '../../test/wire/frames.ts';
import { buildFrame, numbered, virtioHeader } from '../../test/wire/frames.ts';
import { guardedBytes } from '../../test/wire/guarded-bytes.ts';
import { fixtureLines, fromHex, toHex } from '../../test/wire/hex.ts';
import { segmentPlainly } from '../../test/wire/plain-segmentation.ts';
import { bytesOf } from '../base/bytes.ts';
import { completeChecksum, Segmenter } from './segmentation.ts';
import { VirtioNetHeaderView } from './virtio-net-header.ts';

/** The frames that come out, each checked to have `headroom` untouched bytes in front. */
function segment(
  frame: Uint8Array,
  header: VirtioNetHeaderView,
  headroom: number,
  at = 0,
): Uint8Array[] | string {
  const source = new Uint8Array(at + frame.length);
  source.set(frame, at);
  const segmenter = new Segmenter();
  const sourceBytes = guardedBytes(source, at, source.length);
  const reject = segmenter.plan(sourceBytes, at, frame.length, header);
  if (reject !== undefined) return reject;
  const total = segmenter.totalBytes(headroom);
  const out = new Uint8Array(at + total + 16).fill(0xcc);
  const count = segmenter.write(guardedBytes(out, at, at + total), at, total, headroom);
  if (typeof count === 'string') return count;
  expect(count).toBe(segmenter.count);
  const frames: Uint8Array[] = [];
  let to = at;
  for (let i = 0; i < count; i++) {
    expect(out.subarray(to, to + headroom).every((octet) => octet === 0xcc)).toBe(true);
    const length = i === count - 1 ? segmenter.lastSegmentBytes : segmenter.segmentBytes;
    frames.push(out.slice(to + headroom, to + headroom + length));
    to += headroom + length;
  }
  expect(to).toBe(at + total);
  return frames;
}

const NEEDS_CSUM = 1;
const TSO4 = 1;
const TSO6 = 4;
const UDP_L4 = 5;

function gsoHeader(frame: Uint8Array, gsoType: number, gsoSize: number): VirtioNetHeaderView {
  return virtioHeader(frame.length, { flags: NEEDS_CSUM, gsoType, gsoSize, csumStart: 34, csumOffset: 6 });
}

describe('against the plain twin', () => {
  const words = (max: number) =>
    fc
      .integer({ min: 0, max })
      .chain((count) => fc.uint8Array({ minLength: 4 * count, maxLength: 4 * count }));
  const ethernet = fc.record({ vlanTci: fc.nat(0xffff) }, { requiredKeys: [] });
  const tcp = fc.record({
    sequence: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    flags: fc.nat(255),
    options: words(10),
  });
  const ipv4 = fc.record({ identification: fc.nat(0xffff), tos: fc.nat(255), options: words(10) });
  /** A destination options header of eight octets in front of the protocol, or nothing. */
  const ipv6 = (protocol: number) =>
    fc
      .boolean()
      .map((hasOptions) =>
        hasOptions
          ? { ipv6: { nextHeader: 60 }, extensions: Uint8Array.of(protocol, 0, 1, 4, 0, 0, 0, 0) }
          : { ipv6: {} },
      );
  const payload = fc.integer({ min: 1, max: 5000 }).map(numbered);
  const gsoSize = fc.integer({ min: 1, max: 2000 });

  const specs: [string, number, fc.Arbitrary<FrameSpec>][] = [
    ['TSO for IPv4', TSO4, fc.record({ ethernet, ipv4, tcp, payload })],
    [
      'TSO for IPv6',
      TSO6,
      fc.tuple(ipv6(6), fc.record({ ethernet, tcp, payload })).map(([ip, rest]) => ({ ...ip, ...rest })),
    ],
    ['UDP GSO over IPv4', UDP_L4, fc.record({ ethernet, ipv4, payload })],
    [
      'UDP GSO over IPv6',
      UDP_L4,
      fc.tuple(ipv6(17), fc.record({ ethernet, payload })).map(([ip, rest]) => ({ ...ip, ...rest })),
    ],
  ];

  it.each(specs)('%s', (_, gsoType, spec) => {
    fc.assert(
      fc.property(spec, gsoSize, fc.nat(20), fc.nat(5), (frameSpec, size, headroom, at) => {
        fc.pre(frameSpec.payload.length / size < 100);
        const frame = buildFrame(frameSpec);
        const segments = segment(frame, gsoHeader(frame, gsoType, size), headroom, at);
        const expected = segmentPlainly(frame, size, frameSpec.extensions?.length ?? 0);
        expect(segments).toEqual(expected);
      }),
    );
  });
});

describe('as Linux does it', () => {
  const text = readFileSync(new URL('./fixtures/kernel-gso.hex', import.meta.url), 'utf8');
  const cases = text
    .split('\n> ')
    .slice(1)
    .map((block) => fixtureLines(block))
    .map(([name, input, ...outputs]) => [name!, input!, outputs] as const);

  it('has the cases', () => {
    expect(cases.length).toBe(9);
  });

  it.each(cases)('%s', (_, input, outputs) => {
    const octets = fromHex(input);
    const header = new VirtioNetHeaderView();
    expect(header.aim(bytesOf(octets), 0, octets.length)).toBe(true);
    const segments = segment(octets.subarray(10), header, 8);
    expect(Array.isArray(segments) ? segments.map(toHex) : segments).toEqual(outputs);
  });
});

describe('a frame that needs no cutting', () => {
  it('is copied as it is', () => {
    const frame = buildFrame({ udp: {}, payload: numbered(33) });
    expect(segment(frame, virtioHeader(frame.length, {}), 8)).toEqual([frame]);
  });

  it('has its checksum completed in place', () => {
    const frame = buildFrame({ ipv6: {}, tcp: {}, payload: numbered(101) });
    const bytes = bytesOf(frame.slice());
    // What a guest leaves there: the sum of the pseudo header, fd00::1, fd00::2, 121 bytes of TCP.
    bytes.view.setUint16(54 + 16, 0xfd00 + 1 + 0xfd00 + 2 + 121 + 6 - 0xffff);
    expect(completeChecksum(bytes, 0, frame.length, 54, 16)).toBeUndefined();
    expect(toHex(bytes.u8)).toBe(toHex(frame));
  });

  it('is refused where the checksum lies behind it', () => {
    expect(completeChecksum(bytesOf(new Uint8Array(60)), 0, 60, 50, 9)).toBe('bad-length');
    expect(completeChecksum(bytesOf(new Uint8Array(60)), 0, 60, 50, 8)).toBeUndefined();
  });
});

describe('refuses', () => {
  const payload = numbered(3000);
  const tcp4 = buildFrame({ tcp: {}, payload });
  const tcp6 = buildFrame({ ipv6: {}, tcp: {}, payload });
  const udp4 = buildFrame({ udp: {}, payload });
  const fragment = buildFrame({ ipv4: { moreFragments: true }, tcp: {}, payload });
  const padded = Uint8Array.of(...tcp4, 0);
  const empty = buildFrame({ tcp: {}, payload: numbered(0) });
  const shortOffset = tcp4.slice();
  shortOffset[14 + 20 + 12] = 0x40;
  const arp = tcp4.slice();
  arp.set([0x08, 0x06], 12);

  it.each([
    ['TSO4 on IPv6', tcp6, TSO4, 'bad-type'],
    ['TSO6 on IPv4', tcp4, TSO6, 'bad-type'],
    ['TSO on UDP', udp4, TSO4, 'bad-type'],
    ['UDP GSO on TCP', tcp4, UDP_L4, 'bad-type'],
    ['TSO without IP', arp, TSO4, 'bad-type'],
    ['a fragment', fragment, TSO4, 'bad-field'],
    ['bytes behind the IP packet', padded, TSO4, 'bad-length'],
    ['no payload', empty, TSO4, 'bad-length'],
    ['a data offset below the minimum', shortOffset, TSO4, 'bad-length'],
    ['a cut frame', tcp4.subarray(0, 200), TSO4, 'bad-length'],
  ])('%s', (_, frame, gsoType, reject) => {
    expect(segment(frame, gsoHeader(frame, gsoType, 1000), 0)).toBe(reject);
  });

  it('a TCP header that fills the packet', () => {
    const small = buildFrame({ tcp: {}, payload: numbered(10) });
    small[14 + 20 + 12] = 0xf0;
    expect(segment(small, gsoHeader(small, TSO4, 4), 0)).toBe('bad-length');
  });

  it('memory that is too small', () => {
    const segmenter = new Segmenter();
    expect(segmenter.plan(bytesOf(tcp4), 0, tcp4.length, gsoHeader(tcp4, TSO4, 1))).toBeUndefined();
    // One octet a segment: 3000 frames of 55 bytes out of one of 3054.
    expect(segmenter.totalBytes(8)).toBe(3000 * (8 + 55));
    const room = segmenter.totalBytes(8) - 1;
    expect(segmenter.write(bytesOf(new Uint8Array(room)), 0, room, 8)).toBe('no-room');
  });
});

it('a planned segmenter can be used again for a frame of another kind', () => {
  const big = buildFrame({ tcp: {}, payload: numbered(3000) });
  const small = buildFrame({ ipv6: {}, udp: {}, payload: numbered(10) });
  const segmenter = new Segmenter();
  segmenter.plan(bytesOf(big), 0, big.length, gsoHeader(big, TSO4, 1000));
  segmenter.plan(bytesOf(small), 0, small.length, virtioHeader(small.length, {}));
  const out = new Uint8Array(segmenter.totalBytes(0));
  expect(segmenter.write(bytesOf(out), 0, out.length, 0)).toBe(1);
  expect(out).toEqual(small);
});

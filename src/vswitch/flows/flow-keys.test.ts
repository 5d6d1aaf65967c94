// The flow of a frame that came as many packets is that of the frame in one piece, and nothing that a tenant may send makes
// a reader look beyond the memory.

import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { randomFrame } from '../../../test/vswitch/random-frames.ts';
import { frameBetween } from '../../../test/vswitch/tenants.ts';
import { numbered } from '../../../test/wire/frames.ts';
import { allocateBytes } from '../../base/bytes.ts';
import { below, SeededRng } from '../../base/rng.ts';
import { NATIVE_FLOW } from '../../packet/device.ts';
import { PieceList } from '../../packet/pieces.ts';
import { VIRTIO_NET_HDR_F_FLOW, VIRTIO_NET_HDR_F_NEEDS_CSUM } from '../../wire/virtio-net-header.ts';
import { FlowKeys } from './flow-keys.ts';
import { FrameHead } from './frame-head.ts';

/** Headers are in the first piece: Ethernet, tag, IPv6, ports, behind the virtio_net_hdr. */
const HEADERS = 10 + 18 + 40 + 4;

itForSeeds('pieces of a frame have its key', 4, (seed) => {
  const rng = new SeededRng(seed);
  for (let i = 0; i < 300; i++) {
    const frame = randomFrame(1, rng);
    if (frame.length <= HEADERS) continue;
    const bytes = allocateBytes(frame.length * 2 + 100);
    const keys = new FlowKeys(bytes);
    bytes.u8.set(frame, 50);
    const key = [...keys.classify(50, frame.length)];
    const list = new PieceList(200);
    const rest = frame.length + 60;
    const first = HEADERS + below(rng, frame.length - HEADERS);
    // The second piece lies behind the first or, for once, nowhere near it.
    bytes.u8.fill(0xff, 50 + first, 50 + frame.length);
    bytes.u8.set(frame.subarray(first), rest);
    list.push(50, first);
    list.push(rest, frame.length - first);
    list.endFrame();
    expect([...keys.classifyPieces(list, 0, 2)]).toEqual(key);
  }
});

itForSeeds('headers that were parsed for another purpose give the same key', 4, (seed) => {
  const rng = new SeededRng(seed);
  for (let i = 0; i < 300; i++) {
    const frame = randomFrame(1, rng);
    const bytes = allocateBytes(frame.length + 50);
    bytes.u8.set(frame, 50);
    const head = new FrameHead(bytes);
    if (!head.aim(50, frame.length)) continue;
    const key = [...new FlowKeys(bytes).classify(50, frame.length)];
    expect([...head.key]).toEqual(key);
    expect([...head.key]).toEqual(key);
  }
});

describe('the key of a frame', () => {
  it('is read at the end of the memory as anywhere', () => {
    const frame = frameBetween(1, 2, {
      udp: { sourcePort: 9, destinationPort: 10 },
      payload: numbered(3000),
    });
    const here = 1000;
    const bytes = allocateBytes(5000);
    bytes.u8.set(frame, 100);
    bytes.u8.set(frame.subarray(0, here), 5000 - here);
    const keys = new FlowKeys(bytes);
    const key = [...keys.classify(100, frame.length)];
    const list = new PieceList(2);
    list.push(5000 - here, here);
    list.push(0, frame.length - here);
    list.endFrame();
    expect([...keys.classifyPieces(list, 0, 2)]).toEqual(key);
  });

  it('has the id that a native endpoint gave, and none of a frame with a checksum to do', () => {
    const frame = frameBetween(1, 2, { udp: {}, payload: numbered(30) });
    const bytes = allocateBytes(200);
    const idOf = (flags: number) => {
      frame[0] = flags;
      frame[6] = 5;
      frame[9] = 0x80;
      bytes.u8.set(frame);
      return new FlowKeys(bytes).classify(0, frame.length)[NATIVE_FLOW];
    };
    expect(idOf(VIRTIO_NET_HDR_F_FLOW)).toBe(0x8000_0005);
    expect(idOf(0)).toBe(0);
    expect(idOf(VIRTIO_NET_HDR_F_FLOW | VIRTIO_NET_HDR_F_NEEDS_CSUM)).toBe(0);
  });

  it('is nothing of garbage, or what its headers say, and never an error', () => {
    const rng = new SeededRng(3);
    const bytes = allocateBytes(300);
    const keys = new FlowKeys(bytes);
    for (let i = 0; i < 5000; i++) {
      for (let at = 0; at < 300; at += 4) bytes.view.setUint32(at, rng.u32());
      bytes.view.setUint16(12 + 10, [0x800, 0x86dd, 0x8100, 0x88cc][below(rng, 4)]!);
      const offset = below(rng, 250);
      const list = new PieceList(2);
      list.push(offset, 1 + below(rng, 300 - offset));
      if (below(rng, 2) === 0) list.push(0, 1 + below(rng, 300));
      list.endFrame();
      expect(keys.classifyPieces(list, 0, list.count)).toHaveLength(11);
    }
  });
});

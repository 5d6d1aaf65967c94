// Which frames are one flow.

import { describe, expect, it } from 'vitest';
import type { FrameSpec } from '../../test/wire/frames.ts';
import { buildFrame, numbered } from '../../test/wire/frames.ts';
import { guardedBytes } from '../../test/wire/guarded-bytes.ts';
import { fromHex } from '../../test/wire/hex.ts';
import { FLOW_KEY_WORDS, FlowClassifier, hashFlowKey, isSameFlow } from './flow-key.ts';

const classifier = new FlowClassifier();

function keyOf(frame: Uint8Array): Uint32Array {
  const key = new Uint32Array(FLOW_KEY_WORDS).fill(0xeeeeeeee);
  expect(classifier.classify(guardedBytes(frame, 0, frame.length), 0, frame.length, key, 0)).toBe(true);
  return key;
}

function keyOfSpec(spec: Partial<FrameSpec>): Uint32Array {
  return keyOf(buildFrame({ payload: numbered(20), ...spec }));
}

describe('the flow key', () => {
  it('of TCP over IPv4', () => {
    const key = keyOfSpec({ tcp: { sourcePort: 1, destinationPort: 2 } });
    expect([...key]).toEqual([0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0, 0x00010002, 0x04060000]);
  });

  it('of UDP over IPv6 behind extension headers, in a VLAN', () => {
    const key = keyOfSpec({
      ethernet: { vlanTci: 0xe123 },
      ipv6: { nextHeader: 60 },
      extensions: Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0),
      udp: { sourcePort: 0xffff, destinationPort: 0xfffe },
    });
    expect([...key]).toEqual([0xfd000000, 0, 0, 1, 0xfd000000, 0, 0, 2, 0xfffffffe, 0x06110123]);
  });

  it('of ARP', () => {
    const frame = fromHex(`ffffffffffff 020000000001 0806 ${'00'.repeat(28)}`);
    expect([...keyOf(frame)]).toEqual([0x0200, 1, 0, 0, 0xffff, 0xffffffff, 0, 0, 0x0806, 0]);
  });

  it('leaves out ports in every fragment', () => {
    const first = keyOfSpec({ ipv4: { moreFragments: true }, udp: {} });
    const later = keyOfSpec({ ipv4: { fragmentOffset: 5 }, udp: { sourcePort: 9 } });
    expect(first[8]).toBe(0);
    expect(isSameFlow(first, 0, later, 0)).toBe(true);
  });

  it('leaves out ports that were cut off', () => {
    const frame = buildFrame({ ipv4: { payloadLength: 3 }, payload: numbered(0) }).subarray(0, 37);
    expect(keyOf(frame)[8]).toBe(0);
  });

  it('is written nowhere for a malformed frame', () => {
    const key = new Uint32Array(FLOW_KEY_WORDS).fill(7);
    const frame = buildFrame({ tcp: {}, payload: numbered(9) }).subarray(0, 40);
    expect(classifier.classify(guardedBytes(frame, 0, 40), 0, 40, key, 0)).toBe(false);
    expect(key.every((word) => word === 7)).toBe(true);
  });

  it('tells flows apart by each of its parts', () => {
    const specs: Partial<FrameSpec>[] = [
      { tcp: {} },
      { udp: { sourcePort: 40000, destinationPort: 7000 } },
      { tcp: { sourcePort: 3 } },
      { tcp: { destinationPort: 3 } },
      { tcp: {}, ipv4: { source: 3 } },
      { tcp: {}, ipv4: { destination: 3 } },
      { tcp: {}, ethernet: { vlanTci: 1 } },
      { tcp: {}, ipv6: {} },
      { tcp: {}, ipv6: { source: [1, 2, 3, 4] } },
    ];
    const keys = specs.map(keyOfSpec);
    for (const [i, a] of keys.entries()) {
      for (const [j, b] of keys.entries()) expect(isSameFlow(a, 0, b, 0)).toBe(i === j);
    }
    expect(new Set(keys.map((key) => hashFlowKey(key, 0))).size).toBe(keys.length);
  });
});

describe('the hash', () => {
  it('is MurmurHash3 over the little-endian words', () => {
    // Of forty zero octets and of 0..39, seeds 0 and 1, by another implementation.
    const counting = new Uint32Array(Uint8Array.from({ length: 40 }, (_, i) => i).buffer);
    const zero = new Uint32Array(FLOW_KEY_WORDS);
    expect([hashFlowKey(zero, 0), hashFlowKey(counting, 0), hashFlowKey(counting, 0, 1)]).toEqual([
      0xc2067ae9, 0xce736bd7, 0xd8fdcbe3,
    ]);
  });

  it('spreads neighbouring ports evenly over eight queues', () => {
    const key = keyOfSpec({ tcp: {} });
    const queues = new Array<number>(8).fill(0);
    for (let port = 0; port < 8000; port++) {
      key[8] = (port << 16) | 7000;
      queues[hashFlowKey(key, 0) & 7]!++;
    }
    // 1000 each on average, standard deviation 30: five of them are never passed by chance.
    for (const count of queues) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

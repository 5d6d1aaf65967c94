// That a frame is of the same flow as another, seen from its headers, against what classifying both says.
import { expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { allocateBytes } from '../../base/bytes.ts';
import { below, chance, type Rng, SeededRng } from '../../base/rng.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, emitEthernet } from '../../wire/ethernet.ts';
import { FLOW_KEY_WORDS, FlowClassifier } from '../../wire/flow-key.ts';
import { emitIpv4Header } from '../../wire/ipv4.ts';
import { emitIpv6Header } from '../../wire/ipv6.ts';
import { writeNativeFlow } from '../../wire/virtio-net-header.ts';
import { isSameFlow } from './same-flow.ts';

const ROOM = 256;
const A = 0;
const B = ROOM;
const VIRTIO = 10;

/** A frame with its virtio_net_hdr at `at`; its length. */
function emit(bytes: ReturnType<typeof allocateBytes>, at: number, rng: Rng): number {
  const { view, u8 } = bytes;
  u8.fill(0, at, at + ROOM);
  if (chance(rng, 0.2)) writeNativeFlow(view, at, 1 + below(rng, 2));
  const isIpv4 = chance(rng, 0.5);
  const etherType = chance(rng, 0.05) ? 0x88b5 : isIpv4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  const tag = chance(rng, 0.05) ? { vlanTci: 5 } : {};
  const link = { source: 1, destination: 1 + below(rng, 2), etherType, ...tag };
  let next = at + VIRTIO + emitEthernet(link, bytes, at + VIRTIO);
  const payloadLength = 8 + below(rng, 60);
  const protocol = [17, 17, 17, 6, 1][below(rng, 5)]!;
  if (isIpv4) {
    const fragment = { dontFragment: true, moreFragments: chance(rng, 0.05), fragmentOffset: 0 };
    const own = { tos: 0, identification: rng.u32() & 0xffff, ttl: 64, protocol, payloadLength };
    const addresses = {
      source: 7,
      destination: 8 + below(rng, 2),
      options: new Uint8Array(chance(rng, 0.05) ? 4 : 0),
    };
    next += emitIpv4Header({ ...fragment, ...own, ...addresses }, bytes, next);
  } else {
    const own = { trafficClass: 0, flowLabel: 0, nextHeader: protocol, hopLimit: 64, payloadLength };
    next += emitIpv6Header(
      { ...own, source: [1, 2, 3, 4], destination: [1, 2, 3, below(rng, 2)] },
      bytes,
      next,
    );
  }
  view.setUint16(next, 1000);
  view.setUint16(next + 2, 2000 + below(rng, 2));
  return next + payloadLength - at;
}

let same = 0;

itForSeeds('frames of the same flow are classified alike', 20, (seed) => {
  const rng = new SeededRng(seed);
  const bytes = allocateBytes(2 * ROOM);
  const classifier = new FlowClassifier();
  const key = new Uint32Array(2 * FLOW_KEY_WORDS);
  for (let i = 0; i < 500; i++) {
    const first = emit(bytes, A, rng);
    let second = first;
    if (chance(rng, 0.5)) second = emit(bytes, B, rng);
    else bytes.u8.copyWithin(B, A, ROOM);
    const length = [first, second] as const;
    // Sometimes one bit is another; and sometimes it is cut.
    if (chance(rng, 0.3)) bytes.u8[B + below(rng, 70)]! ^= 1 << below(rng, 8);
    const cut = chance(rng, 0.1) ? below(rng, length[1]) : length[1];
    if (!classifier.classify(bytes, A + VIRTIO, length[0] - VIRTIO, key, 0)) throw new Error('a bad frame');
    if (!isSameFlow(bytes.view, A, B, cut)) continue;
    same++;
    const isWellFormed = classifier.classify(bytes, B + VIRTIO, cut - VIRTIO, key, FLOW_KEY_WORDS);
    expect(isWellFormed).toBe(true);
    expect(key.subarray(FLOW_KEY_WORDS)).toEqual(key.subarray(0, FLOW_KEY_WORDS));
    for (const at of [0, 6, 10, 16]) expect(bytes.view.getUint32(B + at)).toBe(bytes.view.getUint32(A + at));
  }
});

it('there were some', (context) => {
  if (process.env['SELVAGE_SEED'] !== undefined) context.skip('only one seed was run');
  expect(same).toBeGreaterThan(100);
});

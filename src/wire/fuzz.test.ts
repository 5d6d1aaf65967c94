// A seeded fuzzer over everything that reads a packet: valid packets, then mutated ones. Nothing may throw or touch
// a byte outside of its range (guarded bytes throw on that). SELVAGE_FUZZ_SEED and SELVAGE_FUZZ_RUNS repeat or
// extend a run; a failure prints seed, round and packet.

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { codecs } from '../../test/wire/codecs.ts';
import { buildFrame, numbered } from '../../test/wire/frames.ts';
import { guardedBytes } from '../../test/wire/guarded-bytes.ts';
import { fixtureLines, fromHex, toHex } from '../../test/wire/hex.ts';
import { allocateBytes } from '../base/bytes.ts';
import { below, chance, SeededRng } from '../base/rng.ts';
import { emitAck } from './bifrost-ack.ts';
import { emitConnect } from './bifrost-connect.ts';
import { writeDataHeader } from './bifrost-data.ts';
import { bifrostPacketType } from './bifrost-types.ts';
import { FLOW_KEY_WORDS, FlowClassifier } from './flow-key.ts';
import { icmpv6Type } from './icmpv6.ts';
import { answerArpRequest, answerNeighborSolicitation, MAX_ANSWER_BYTES } from './neighbor-answers.ts';
import { emitPause } from './overlay-pause.ts';
import { Segmenter } from './segmentation.ts';
import { VirtioNetHeaderView } from './virtio-net-header.ts';
import { emitZooRoute } from './zooroute.ts';

const seed = Number(process.env['SELVAGE_FUZZ_SEED'] ?? 20240607);
const rounds = Number(process.env['SELVAGE_FUZZ_RUNS'] ?? 60_000);

function fixture(name: string): Uint8Array[] {
  const text = readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8');
  return fixtureLines(text)
    .filter((line) => !line.startsWith('>'))
    .map((line) => fromHex(line.split(' ').at(-1)!));
}

function ownPackets(): Uint8Array[] {
  const bytes = allocateBytes(64);
  const own: Uint8Array[] = [];
  const keep = (length: number) => own.push(bytes.u8.slice(0, length));
  writeDataHeader(bytes.view, 0, 3, 0x40c0, 7, 8, 9);
  keep(16);
  const fields = { version: 1, ccType: 0, threadId: 1, features: 1, localCid: 2, destinationCid: 3 };
  keep(emitConnect({ type: 3, ...fields, sourceMac: 4, destinationMac: 5 }, bytes, 0));
  keep(emitConnect({ type: 5, ...fields }, bytes, 0));
  const path = { ccType: 0, isSpecial: false, pathId: 1, hopCount: 2, ackValue: 3, ackType: 0, psn: 4 };
  const times = { destinationCid: 5, timestampMicros: 6, echoMicros: 7, nicRxMicros: 8 };
  const window = { numAck: 9, numEce: 10, psnBase: 11, bitmap: Uint32Array.of(12, 13) };
  keep(emitAck({ ...path, ...times, ...window }, bytes, 0));
  const ask = { ccType: 0, sequence: 1, destinationCid: 2, pauseMicros: 3, rateBytesPerSecond: 500 };
  const words = [0x0200, 5, 0, 0, 0x0200, 6, 0, 0, 0x88b5];
  for (const family of [0, 4, 6])
    keep(emitPause({ ...ask, key: Uint32Array.of(...words, family << 24, 7) }, bytes, 0));
  const zoo = { version: 1, modes: 3, role: 1, ctl: 0, isLast: true, sequence: 4, backend: 5 };
  for (const type of [0x05, 0x11, 0x18, 0x7e, 0x7f])
    keep(emitZooRoute({ type, ...zoo, source: [0, 0, 0xffff, 1], body: new Uint8Array(24) }, bytes, 0));
  return own;
}

/** Where headers begin in the corpus, so that every parser meets packets of its own kind. */
const STARTS = [0, 10, 14, 18, 20, 24, 34, 42, 50, 54, 64, 84, 104];

const corpus = [
  ...fixture('kernel-vxlan.hex'),
  ...fixture('kernel-gso.hex'),
  ...ownPackets(),
  buildFrame({ ethernet: { vlanTci: 7 }, tcp: { options: new Uint8Array(12) }, payload: numbered(30) }),
];

function mutate(packet: Uint8Array, rng: SeededRng): Uint8Array {
  const start = STARTS[below(rng, STARTS.length)]!;
  const mutated = packet.slice(Math.min(start, packet.length));
  if (chance(rng, 0.1)) return mutated;
  for (let i = below(rng, 4); i >= 0 && mutated.length > 0; i--) {
    // Headers are at the front; most mutations belong there.
    const at = below(rng, chance(rng, 0.8) ? Math.min(64, mutated.length) : mutated.length);
    if (chance(rng, 0.5)) mutated[at] = mutated[at]! ^ (1 << below(rng, 8));
    else mutated[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][below(rng, 6)]!;
  }
  return chance(rng, 0.3) ? mutated.slice(0, below(rng, mutated.length + 1)) : mutated;
}

const OUT_ROOM = 16_384;
const out = new Uint8Array(OUT_ROOM);
const key = new Uint32Array(FLOW_KEY_WORDS);
const classifier = new FlowClassifier();
const segmenter = new Segmenter();
const virtio = new VirtioNetHeaderView();

function segmentAll(packet: Uint8Array, at: number, count: (accepted: boolean) => void): void {
  const bytes = guardedBytes(packet, at, packet.length);
  const length = packet.length - at;
  const isPlanned =
    virtio.aim(bytes, at, length) &&
    segmenter.plan(guardedBytes(packet, at + 10, packet.length), at + 10, length - 10, virtio) === undefined;
  if (isPlanned) segmenter.write(guardedBytes(out, 0, OUT_ROOM), 0, OUT_ROOM, 8);
  count(isPlanned);
}

function readEverything(packet: Uint8Array, at: number, accepted: Map<string, number>): void {
  const length = packet.length - at;
  const bytes = guardedBytes(packet, at, packet.length);
  const count = (name: string, isAccepted: boolean) => {
    if (isAccepted) accepted.set(name, (accepted.get(name) ?? 0) + 1);
  };
  for (const codec of codecs) count(codec.name, typeof codec.parse(bytes, at, length) !== 'string');
  count('flow-key', classifier.classify(bytes, at, length, key, 0));
  count('packet type', bifrostPacketType(bytes.view, at, length) !== 0);
  count('icmpv6 type', icmpv6Type(bytes.view, at, length) !== 0);
  const answer = guardedBytes(out, 0, MAX_ANSWER_BYTES);
  count('arp answer', typeof answerArpRequest(bytes, at, length, 1, answer, 0) === 'number');
  count('nd answer', typeof answerNeighborSolicitation(bytes, at, length, 1, answer, 0) === 'number');
  segmentAll(packet, at, (isAccepted) => count('segmentation', isAccepted));
}

it(`reads ${rounds} mutated packets, seed ${seed}`, () => {
  const rng = new SeededRng(seed);
  const accepted = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    const at = below(rng, 4);
    const mutated = mutate(corpus[below(rng, corpus.length)]!, rng);
    const packet = new Uint8Array(at + mutated.length);
    packet.set(mutated, at);
    try {
      readEverything(packet, at, accepted);
    } catch (cause) {
      throw new Error(`seed ${seed}, round ${round}: ${toHex(mutated)}`, { cause });
    }
  }
  // A fuzzer whose packets are all rejected at once tests nothing: every reader must have gone all the way.
  const readers = ['flow-key', 'packet type', 'icmpv6 type', 'arp answer', 'nd answer', 'segmentation'];
  for (const name of [...codecs.map((codec) => codec.name), ...readers]) {
    expect(accepted.get(name) ?? 0, name).toBeGreaterThan(0);
  }
});

// A known peer that sends anything at all: nothing throws, state stays bounded and every reference is accounted for.
// What valid-looking forgeries do to the data is not promised; the checksums of UDP and of the tenants' own protocols
// stand before that.

import { describe } from 'vitest';
import { PERFECT } from '../../sim/channel.ts';
import { checkState } from '../../sim/invariants.ts';
import { TwoHostPairs } from '../../sim/pairs.ts';
import type { Application, TransportHost } from '../../sim/transport-host.ts';
import { type Direction, TransportPair } from '../../sim/transport-pair.ts';
import { mutated } from '../../test/support/mutations.ts';
import { uniform } from '../../test/support/random-network.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { allocateBytes } from '../base/bytes.ts';
import { below, chance, type Rng, SeededRng } from '../base/rng.ts';
import { localMemory } from '../packet/region.ts';
import {
  CONNECT_PACKET_BYTES,
  type ConnectPacketType,
  writeConnectHeader,
  writeConnectMacs,
} from '../wire/bifrost-connect.ts';
import { PACKET_CONNECTION_REQUEST } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../wire/vxlan.ts';

const RECORDED = 64;
const STEPS = 30;
const CHUNKS = 8;
const memories = [localMemory(CHUNKS), localMemory(CHUNKS)] as const;

/** Gives the transport something to do in many of its turns, and does not look at what comes out. */
class Chatter implements Application {
  private readonly rng: Rng;

  constructor(rng: Rng) {
    this.rng = rng;
  }

  received(): void {}
  plain(): void {}
  sending(host: TransportHost): void {
    for (let pair = 0; pair < host.options.pairs; pair++) {
      if (host.waiting(pair) < 4 && chance(this.rng, 0.4)) host.offer(pair, 24 + below(this.rng, 4000), 0);
    }
  }
}

/** A connection packet with anything in it, or with what the two hosts know of each other. */
function forged(rng: Rng, from: TransportHost, to: TransportHost): Uint8Array {
  const bytes = allocateBytes(VXLAN_HEADER_BYTES + CONNECT_PACKET_BYTES);
  const row = below(rng, 2);
  const known = [from, to].flatMap(({ transport: { connections } }) => [
    connections.localCid[row]!,
    connections.remoteCid[row]!,
  ]);
  const cid = () => (chance(rng, 0.8) ? known[below(rng, known.length)]! : rng.u32() >>> below(rng, 32));
  const type = (PACKET_CONNECTION_REQUEST + below(rng, 4)) as ConnectPacketType;
  const at = VXLAN_HEADER_BYTES;
  const version = chance(rng, 0.5) ? 1 : below(rng, 16);
  writeVxlanBifrostHeader(bytes.view, 0, 100 + row);
  writeConnectHeader(bytes.view, at, type, 0, below(rng, 8), cid(), cid(), below(rng, 16), version);
  const pairs = new TwoHostPairs(0, 1, { pairs: 2 });
  const [local, remote] = [pairs.localMac(row), pairs.remoteMac(row)];
  if (chance(rng, 0.5)) writeConnectMacs(bytes.view, at, local, remote);
  else writeConnectMacs(bytes.view, at, remote, local);
  return chance(rng, 0.9) ? bytes.u8 : bytes.u8.subarray(0, below(rng, bytes.u8.length + 1));
}

function fuzz(seed: number): void {
  const rng = new SeededRng(seed);
  const network = new TransportPair(
    {
      seed,
      deliverDamaged: true,
      conditions: { ...PERFECT, corruptionRate: chance(rng, 0.5) ? 0.2 : 0, lossRate: 0.01 },
      memories,
      hosts: { chunks: CHUNKS, windowPackets: 64, pairs: 2, payloadBytes: 1400 },
      startMicros: rng.u32(),
    },
    new Chatter(rng),
  );
  const { clock, hosts } = network;
  const recorded: Uint8Array[] = [];
  network.observe = (_direction, _slot, packet) => {
    recorded[below(rng, RECORDED)] = packet;
  };
  for (const host of hosts) host.wake(clock.nowMicros);
  for (let step = 0; step < STEPS; step++) {
    clock.runUntil(clock.nowMicros + uniform(rng, 0, chance(rng, 0.1) ? 100_000 : 500));
    for (let i = below(rng, 20); i > 0; i--) {
      const to: Direction = chance(rng, 0.5) ? 0 : 1;
      const bytes = chance(rng, 0.3)
        ? forged(rng, hosts[1 - to]!, hosts[to])
        : mutated(
            rng,
            recorded.filter((packet) => packet !== undefined),
          );
      if (bytes.length === 0) continue;
      hosts[to].arrive({ source: 2 - to, slot: below(rng, 8), bytes, arrivedMicros: clock.nowMicros });
    }
    hosts.forEach(checkState);
  }
}

describe('a transport whose peer sends garbage', () => {
  itForSeeds('does not throw, grow or leak', 300, fuzz);
});

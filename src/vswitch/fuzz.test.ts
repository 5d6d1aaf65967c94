// Random bytes and damaged packets, from a known VTEP and from tenants: nothing throws, every one is accounted for, the
// switch goes on forwarding, and when the peer has started anew no reference is left over.

import { expect } from 'vitest';
import { itForSeeds } from '../../test/support/seeds.ts';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { encapsulate } from '../../test/vswitch/plain-packets.ts';
import { randomFrame } from '../../test/vswitch/random-frames.ts';
import { configOf, frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { World, type WorldHost } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { below, chance, type Rng, SeededRng } from '../base/rng.ts';
import { NEXT_PROTOCOL_BIFROST } from '../wire/vxlan.ts';

const VNI = 77;
const layout: Layout = {
  vni: VNI,
  reliable: true,
  hosts: [
    [1, 3],
    [2, 4],
  ],
};
const ROUNDS = 60;
const PACKETS_PER_ROUND = 40;

function run(seed: number): void {
  const rng = new SeededRng(seed);
  const world = new World();
  const config = (host: number) =>
    configOf(host, [layout], { windowPackets: 64, sourceCheck: chance(rng, 0.5) });
  const victim = world.add(vtepOf(0), config(0));
  const peer = world.add(vtepOf(1), config(1));
  for (let round = 0; round < ROUNDS; round++) {
    victim.send(0, ...Array.from({ length: 3 }, () => randomFrame(1, rng)));
    peer.send(0, ...Array.from({ length: 3 }, () => randomFrame(2, rng)));
    attack(world, victim, rng);
    world.pass(below(rng, 2000));
    for (const { vswitch } of [victim, peer]) checkConservation(vswitch);
  }
  // What was forged may have broken the connections between the two: a peer that starts anew opens others.
  const restarted = world.add(vtepOf(1), configOf(1, [layout]));
  for (const [port, self] of [2, 4].entries()) {
    for (const to of [1, 3]) restarted.send(port, frameBetween(self, to, { udp: {}, payload: numbered(77) }));
  }
  world.pass(60_000_000);
  for (const { vswitch, region } of [victim, restarted]) checkIdle(vswitch, region);
  const last = frameBetween(1, 4, { udp: {}, payload: numbered(99) });
  victim.send(0, last);
  world.pass(100_000);
  expect(restarted.received[1]!.at(-1)).toEqual(last);
}

/** Packets to the victim in its peer's name, and frames from its tenant. */
function attack(world: World, victim: WorldHost, rng: Rng): void {
  const recent = world.packets.slice(-400);
  for (let i = 0; i < PACKETS_PER_ROUND; i++) {
    const bytes = chance(rng, 0.2)
      ? randomPacket(rng)
      : mutated(recent[below(rng, recent.length)]?.bytes, rng);
    victim.arrive({ from: vtepOf(1), slot: below(rng, 8), bytes });
    victim.send(1, chance(rng, 0.2) ? randomBytes(rng, 100) : mutated(randomFrame(3, rng), rng));
  }
  world.packets.length = 0;
  world.packets.push(...recent);
}

function randomBytes(rng: Rng, max: number): Uint8Array {
  return Uint8Array.from({ length: below(rng, max) }, () => rng.u32() & 255);
}

/** Random behind a VXLAN header that is right. */
function randomPacket(rng: Rng): Uint8Array {
  const payload = randomBytes(rng, 80);
  if (payload.length > 1 && chance(rng, 0.8)) {
    payload[0] = 1 + below(rng, 5);
    payload[1] = 0x10;
  }
  const packet = encapsulate(VNI, payload, chance(rng, 0.8) ? 'bifrost' : 'ethernet');
  if (chance(rng, 0.1)) packet[3] = NEXT_PROTOCOL_BIFROST - 1;
  return packet;
}

function mutated(packet: Uint8Array | undefined, rng: Rng): Uint8Array {
  const copy = Uint8Array.from(packet ?? []);
  for (let flips = below(rng, 4); flips > 0 && copy.length > 0; flips--) {
    // Most of what matters is in front.
    const at = below(rng, chance(rng, 0.7) ? Math.min(64, copy.length) : copy.length);
    if (chance(rng, 0.5)) copy[at]! ^= 1 << below(rng, 8);
    else copy[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][below(rng, 6)]!;
  }
  return chance(rng, 0.1) ? copy.slice(0, below(rng, copy.length + 1)) : copy;
}

itForSeeds('the switch survives damaged packets and frames', 6, run);

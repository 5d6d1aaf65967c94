// Slots get other source ports under traffic: every frame arrives once and in order, nothing is taken for lost, and
// nothing is on a slot when it changes.
import { expect, it } from 'vitest';
import { digests } from '../../test/support/digest.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import { frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { type World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { bytesOf } from '../base/bytes.ts';
import { below, chance, SeededRng } from '../base/rng.ts';
import type { UnderlayDevice } from '../packet/device.ts';
import { SLOTS } from '../paths/path-table.ts';
import { DATA_SPECIAL, DataHeaderView } from '../wire/bifrost-data.ts';
import { bifrostPacketType, PACKET_DATA } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1], [2]] };
const frame = (number: number) =>
  frameBetween(1, 2, { udp: { sourcePort: 1 + (number % 60_000) }, payload: numbered(900) });

/** Source ports, by number, of the data packets of each slot that host 0 sent. */
function portsOfSlots(world: World): Map<number, Set<number>> {
  const ports = new Map<number, Set<number>>();
  const data = new DataHeaderView();
  for (const { from, slot: port, bytes } of world.packets) {
    const length = bytes.length - VXLAN_HEADER_BYTES;
    const packet = bytesOf(bytes);
    if (from !== vtepOf(0) || bifrostPacketType(packet.view, VXLAN_HEADER_BYTES, length) !== PACKET_DATA)
      continue;
    if (!data.aim(packet, VXLAN_HEADER_BYTES, length) || (data.flags & DATA_SPECIAL) !== 0) continue;
    ports.set(data.pathId, (ports.get(data.pathId) ?? new Set()).add(port));
  }
  return ports;
}

/** All slots that were used sent from the source port of their own number and so many more. */
function expectPorts(world: World, more: number): void {
  const ports = portsOfSlots(world);
  expect(ports.size).toBeGreaterThanOrEqual(4);
  for (const [slot, used] of ports) expect([...used]).toEqual([slot + more]);
}

/** Sends some frames every 100 µs for a while. */
function stream(world: World, host: WorldHost, first: number, bursts: number, size: number): Uint8Array[] {
  const sent: Uint8Array[] = [];
  for (let burst = 0; burst < bursts; burst++) {
    const frames = Array.from({ length: size }, (_, i) => frame(first + burst * size + i));
    host.send(0, ...frames);
    sent.push(...frames);
    world.pass(100);
  }
  return sent;
}

it('all slots change while packets flow without end, and nothing is lost or late by it', () => {
  const { world, hosts } = worldOf([layout], { windowPackets: 1024 });
  const [sender, receiver] = hosts as [WorldHost, WorldHost];
  const sent = [...stream(world, sender, 0, 10, 1), ...stream(world, sender, 10, 50, 60)];
  expectPorts(world, 0);
  world.packets.length = 0;
  const moved = Array.from({ length: SLOTS }, (_, slot) => ({ candidate: 10 + slot, route: 1 + (slot % 4) }));
  sender.vswitch.bindSlots(0, moved);
  sent.push(...stream(world, sender, 4000, 200, 60));
  world.packets.length = 0;
  sent.push(...stream(world, sender, 20_000, 50, 60));
  expectPorts(world, 10);
  expect(moved.map((_, slot) => sender.vswitch.paths.candidateOf(0, slot))).toEqual(
    moved.map(({ candidate }) => candidate),
  );
  world.pass(1_000_000);
  expect(receiver.received[0]!.length).toBe(sent.length);
  expect(digests(receiver.received[0]!)).toEqual(digests(sent));
  const { retransmissions, spurious } = sender.vswitch.transport.counters;
  expect({ retransmissions, spurious }).toEqual({ retransmissions: 0, spurious: 0 });
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
});

itForSeeds('slots change at random while packets are lost', 10, (seed) => {
  const rng = new SeededRng(seed);
  const notEmpty: number[] = [];
  const { world, hosts } = worldOf(
    [layout],
    { windowPackets: 1024 },
    {
      underlay: (device): UnderlayDevice => ({
        rx: (inbox) => device.rx(inbox),
        tx: (outbox) => device.tx(outbox),
        get dropped() {
          return device.dropped;
        },
        bindSlot: (peer, slot, candidate) => {
          if (!hosts.every(({ vswitch }) => vswitch.transport.isSlotEmpty(peer, slot))) notEmpty.push(slot);
          device.bindSlot(peer, slot, candidate);
        },
        hasPort: (candidate) => device.hasPort(candidate),
      }),
    },
  );
  const [sender, receiver] = hosts as [WorldHost, WorldHost];
  const sent = stream(world, sender, 0, 10, 1);
  world.loses = () => chance(rng, 0.02);
  for (let step = 0; step < 30; step++) {
    const slots = Array.from({ length: SLOTS }, (_, slot) => ({
      candidate: slot + 8 * below(rng, 4),
      route: 0,
    }));
    if (chance(rng, 0.5)) sender.vswitch.bindSlots(0, slots);
    sent.push(...stream(world, sender, sent.length, 10, 1 + below(rng, 10)));
  }
  world.loses = () => false;
  world.pass(10_000_000);
  expect(digests(receiver.received[0]!)).toEqual(digests(sent));
  expect(notEmpty).toEqual([]);
  expect(sender.vswitch.paths.changes.rebound).toBeGreaterThan(0);
  for (const { vswitch, region } of hosts) checkIdle(vswitch, region);
});

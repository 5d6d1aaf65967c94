// One queue a vNIC, or one for all, in place of one a flow, as other switches have it: what a slow flow then does to others.

import { expect, it } from 'vitest';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { NativeVnic } from '../../test/vswitch/native-vnic.ts';
import { frameBetween } from '../../test/vswitch/tenants.ts';
import { CHUNKS, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { ChunkWriter } from '../packet/writer.ts';
import type { SwitchConfig } from './config.ts';

const ROOM = 4;
const FRAMES = 8;
const WRITERS = 7;

/** Tenants 1 to 3 are endpoints of one host; 1 sends to 2, which does not read, and to 3. */
function hostWith(receive: SwitchConfig['receive'], input?: SwitchConfig['input']) {
  const { world, hosts } = worldOf(
    [{ vni: 77, reliable: true, hosts: [[1, 2, 3]] }],
    { input, receive: { frames: FRAMES, ...receive }, pauses: false },
    {
      vnic: (_, region) =>
        new NativeVnic(region, new ChunkWriter(region, CHUNKS / 4), { queues: 10, room: ROOM }),
    },
  );
  return { world, host: hosts[0]! };
}

function frame(to: number, sourcePort: number): Uint8Array {
  return frameBetween(1, to, { udp: { sourcePort, destinationPort: 7 }, payload: numbered(60) });
}

const frameOf3 = frameBetween(3, 2, { udp: { sourcePort: 3, destinationPort: 7 }, payload: numbered(60) });

it('flows of a vNIC share a queue of a fixed size, and what it has no room for is dropped', () => {
  const { world, host } = hostWith({ shared: true });
  for (let i = 0; i < 20; i++) host.native(0).send(i % 2, frame(2, i % 2));
  host.ring();
  world.pass(1000);
  expect(host.native(1).receive.filter((queue) => queue !== undefined)).toHaveLength(1);
  expect(host.vswitch.framesWaiting).toBe(FRAMES);
  expect(host.vswitch.counters.dropped.vnicFull).toBe(20 - ROOM - FRAMES);
  checkConservation(host.vswitch);
});

it('what comes from any vNIC when the queue in front of the switch is full is dropped', () => {
  const { world, host } = hostWith({ shared: true }, { frames: 100 });
  for (let i = 0; i < 300; i++) host.native(0).send(0, frame(2, 1));
  for (let i = 0; i < 300; i++) host.native(2).send(0, frameOf3);
  // Each turn takes 64 frames of each into the queue, as far as there is room, and 64 out of it.
  for (let turn = 0; turn < 3; turn++) host.vswitch.run(world.clock.nowMicros);
  host.replaceSwitch();
  const { counters } = host.vswitch;
  expect(counters.toLocal).toBe(3 * 64);
  expect(counters.dropped.inputFull).toBe(3 * 2 * 64 - 100 - 2 * 64);
  expect(host.vswitch.isIdle).toBe(false);
  host.ring();
  world.pass(100_000);
  expect(host.vswitch.counters.framesIn).toBe(600);
  while (host.native(1).read(0).length > 0) {
    host.ring();
    world.pass(1000);
  }
  checkIdle(host.vswitch, host.region, WRITERS);
});

it('a queue for all vNICs lets those behind wait for whom the first frame is', () => {
  const { world, host } = hostWith({ shared: true, stopsAll: true, frames: 100 });
  const send = (to: number) => {
    host.native(0).send(to, frame(to, to));
    host.ring();
    world.pass(1000);
  };
  for (let i = 0; i < ROOM + 2; i++) send(2);
  send(3);
  host.replaceSwitch();
  expect(host.vswitch.framesWaiting).toBe(3);
  expect(host.native(2).receive.filter((queue) => queue !== undefined)).toHaveLength(0);
  while (host.vswitch.framesWaiting > 0) {
    host.native(1).read(0);
    host.ring();
    world.pass(1000);
  }
  expect(host.native(2).read(0)).toHaveLength(1);
  while (host.native(1).read(0).length > 0);
  checkIdle(host.vswitch, host.region, WRITERS);
});

it('a queue that stops all drops nothing and keeps others from being read until half of it is free', () => {
  const { world, host } = hostWith({ shared: true, stopsAll: true });
  for (let i = 0; i < 20; i++) host.native(0).send(0, frame(2, 1));
  host.ring();
  world.pass(1000);
  host.native(0).send(1, frame(3, 2));
  host.ring();
  world.pass(1000);
  expect(host.native(0).waiting(1)).toBe(1);
  for (let reads = 0; reads < 6; reads++) {
    host.native(1).read(0);
    host.ring();
    world.pass(1000);
  }
  expect(host.native(2).read(0)).toHaveLength(1);
  expect(host.vswitch.counters.dropped.vnicFull).toBe(0);
  checkIdle(host.vswitch, host.region, WRITERS);
});

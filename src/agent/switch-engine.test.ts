// The switch in an executor, in virtual time: engines that are replaced, that throw in the middle of a turn, and that
// find a state they do not know.

import { describe, expect, it } from 'vitest';
import { Clock } from '../../sim/clock.ts';
import { itForSeeds } from '../../test/support/seeds.ts';
import { checkConservation } from '../../test/vswitch/conservation.ts';
import { configOf, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { chance, type Rng, SeededRng } from '../base/rng.ts';
import { MemoryUnderlay, MemoryVnic } from '../device/memory.ts';
import type { FrameDevice, UnderlayDevice } from '../packet/device.ts';
import { type Inbox, RUN_WORDS } from '../packet/inbox.ts';
import type { PieceList } from '../packet/pieces.ts';
import { CHUNK_BYTES, localMemory, Region } from '../packet/region.ts';
import { ChunkWriter } from '../packet/writer.ts';
import { SLOTS } from '../paths/path-table.ts';
import { applyChanges } from '../runtime/change.ts';
import { Executor } from '../runtime/executor.ts';
import type { SlotWatch } from '../runtime/slot.ts';
import { CONNECTION_CLOSED } from '../transport/connections.ts';
import { CLOSE_STOPPED } from '../wire/bifrost-connect.ts';
import { emitEthernet } from '../wire/ethernet.ts';
import { type SwitchEngine, type SwitchGiven, switchEngine } from './switch-engine.ts';

const LAYOUT: readonly Layout[] = [{ vni: 77, reliable: true, hosts: [[1], [2]] }];
const CHUNKS = 24;
const UNDERLAY_FD = 100;
const VNIC_FD = 3;
const DATA_AT = 24;
const MOVED = Array.from({ length: SLOTS }, (_, slot) => ({ candidate: 20 + slot, route: 1 + (slot % 2) }));

/** A host whose devices throw when they are told to. */
class Host {
  readonly region = new Region(localMemory(CHUNKS));
  readonly received: number[] = [];
  readonly failures: string[] = [];
  readonly executor: Executor;
  readonly vnic: MemoryVnic;
  readonly underlay: MemoryUnderlay;
  readonly given: SwitchGiven;
  throws: () => boolean = () => false;
  /** What its devices have handed over. */
  readonly handed = { packets: 0, frames: 0 };
  private readonly watched = new Map<number, SlotWatch>();

  constructor(clock: Clock, self: 0 | 1, send: (slot: number, bytes: Uint8Array) => void) {
    const outgoing = new ChunkWriter(this.region, CHUNKS / 4);
    const incoming = new ChunkWriter(this.region, 0);
    const { region } = this;
    this.vnic = new MemoryVnic(region, outgoing, (frame) => {
      this.received.push(new DataView(frame.buffer, frame.byteOffset).getUint32(DATA_AT));
    });
    this.underlay = new MemoryUnderlay(region, incoming, (_, slot, bytes) => send(slot, bytes), 1 << 20);
    this.given = {
      config: configOf(self, LAYOUT),
      region,
      rng: new SeededRng(self + 1),
      vnics: [{ device: this.breakable(this.vnic), fd: VNIC_FD }],
      underlay: { device: this.breakable(this.underlay), fds: [UNDERLAY_FD] },
      clock: () => clock.nowMicros,
      writers: [outgoing, incoming],
    };
    this.executor = new Executor({
      name: 'data',
      clock: () => clock.nowMicros,
      waiter: {
        add: (watch) => this.watched.set(watch.fd, watch),
        remove: (watch) => this.watched.delete(watch.fd),
      },
      onFailure: ({ consequence }) => this.failures.push(consequence),
    });
    applyChanges(this.executor, [
      { type: 'add', engine: 'switch', factory: switchEngine, given: this.given },
    ]);
  }

  get engine(): SwitchEngine {
    return this.executor.find('switch')!.engine as SwitchEngine;
  }

  turn(now: number): void {
    if (this.underlay.isReady) this.wake(UNDERLAY_FD);
    if (this.vnic.isReady) this.wake(VNIC_FD);
    this.executor.turn(now);
  }

  private wake(fd: number): void {
    const watch = this.watched.get(fd);
    if (watch !== undefined) this.executor.wake(watch);
  }

  /** A call either throws or is carried out and then throws: the engine has noted it, or not. */
  private breakable<D extends FrameDevice | UnderlayDevice>(device: D): D {
    const fail = () => {
      if (this.throws()) throw new Error('broken device');
    };
    const isUnderlay = (device as unknown) === this.underlay;
    const wrap =
      (method: 'rx' | 'tx') =>
      (...args: never[]) => {
        fail();
        const result = (device[method] as (...args: never[]) => unknown)(...args);
        if (method === 'rx' && isUnderlay) this.handed.packets += packetsIn(args[0] as unknown as Inbox);
        else if (method === 'rx') this.handed.frames += (args[0] as unknown as PieceList).count;
        fail();
        return result;
      };
    const bindSlot = (...args: [number, number, number]) => (device as UnderlayDevice).bindSlot(...args);
    return { dropped: 0, rx: wrap('rx'), tx: wrap('tx'), bindSlot } as unknown as D;
  }
}

function packetsIn({ count, runs }: Inbox): number {
  let packets = 0;
  for (let at = 0; at < count * RUN_WORDS; at += RUN_WORDS)
    packets += Math.ceil(runs[at + 1]! / runs[at + 2]!);
  return packets;
}

function twoHosts() {
  const clock = new Clock(1_000_000);
  const carry = (to: 0 | 1) => (slot: number, bytes: Uint8Array) =>
    clock.after(30, () => {
      hosts[to]!.underlay.arrive({ source: vtepOf(1 - to), slot, bytes, arrivedMicros: clock.nowMicros });
    });
  const hosts: readonly Host[] = [new Host(clock, 0, carry(1)), new Host(clock, 1, carry(0))];
  let sent = 0;
  const send = (length: number) => {
    const ports = hosts.map(({ engine }) => engine.vswitch.forwarding.ports[0]!.mac);
    const bytes = new Uint8Array(10 + length);
    const view = new DataView(bytes.buffer);
    const header = { source: ports[0]!, destination: ports[1]!, etherType: 0x88b5 };
    emitEthernet(header, { u8: bytes, view }, 10);
    view.setUint32(DATA_AT, sent++);
    hosts[0]!.vnic.send(bytes);
  };
  /** A turn of each host every ten microseconds. */
  const pass = (micros: number) => {
    for (const end = clock.nowMicros + micros; clock.nowMicros < end; ) {
      clock.runUntil(clock.nowMicros + 10);
      for (const host of hosts) host.turn(clock.nowMicros);
    }
  };
  return { clock, hosts, send, pass, sent: () => sent };
}

/** All chunks are free but for the writers' own. */
function heldChunks({ region }: Host): number {
  let held = 0;
  for (let chunk = 1; chunk < region.chunks; chunk++) held += region.references(chunk * CHUNK_BYTES);
  return held;
}

function sendSome(send: (length: number) => void, rng: Rng): void {
  for (let i = 0; i < 4; i++) send(chance(rng, 0.1) ? 30_000 : 100);
}

describe('the switch as an engine', () => {
  it('is replaced under load: every frame arrives once, in order', () => {
    const { hosts, send, pass, sent } = twoHosts();
    const rng = new SeededRng(1);
    for (let i = 0; i < 300; i++) {
      sendSome(send, rng);
      pass(40);
      const change = { type: 'replace', engine: 'switch', factory: switchEngine } as const;
      applyChanges(hosts[i & 1]!.executor, [change]);
    }
    pass(20_000);
    expect(hosts[1]!.received).toEqual(Array.from({ length: sent() }, (_, i) => i));
    expect(hosts[0]!.engine.vswitch.transport.counters).toMatchObject({
      retransmissions: 0,
      connectionsOpened: 1,
    });
    for (const host of hosts) expect(host.engine.vswitch.isIdle).toBe(true);
  });

  it('is replaced while slots change their source ports, which they then have done', () => {
    const { hosts, send, pass, sent } = twoHosts();
    const { executor } = hosts[0]!;
    const rng = new SeededRng(3);
    for (let i = 0; i < 200; i++) {
      sendSome(send, rng);
      pass(40);
      if (i === 100) hosts[0]!.engine.bindSlots(0, MOVED);
      applyChanges(executor, [{ type: 'replace', engine: 'switch', factory: switchEngine }]);
    }
    pass(20_000);
    expect(hosts[0]!.engine.peers()[0]!.slots).toMatchObject(MOVED);
    expect(hosts[1]!.received).toEqual(Array.from({ length: sent() }, (_, i) => i));
    expect(hosts[0]!.engine.vswitch.transport.counters.retransmissions).toBe(0);
  });

  it('that is removed passes on what it has, and says to its peer that it stops', () => {
    const { hosts, send, pass, sent } = twoHosts();
    const rng = new SeededRng(4);
    sendSome(send, rng);
    pass(10_000);
    sendSome(send, rng);
    pass(40);
    const { executor } = hosts[0]!;
    const { connections } = hosts[1]!.engine.vswitch.transport;
    applyChanges(executor, [{ type: 'remove', engine: 'switch' }]);
    pass(20_000);
    expect(executor.slots).toEqual([]);
    expect(hosts[1]!.received).toHaveLength(sent());
    expect(connections.state[0]).toBe(CONNECTION_CLOSED);
    expect(connections.reason[0]).toBe(CLOSE_STOPPED);
  });

  it('refuses the state of a version it does not know', () => {
    const { hosts } = twoHosts();
    const executor = hosts[0]!.executor;
    const newer = { ...switchEngine, version: 2, load: switchEngine.load };
    applyChanges(executor, [
      {
        type: 'replace',
        engine: 'switch',
        factory: { ...newer, load: (io, old) => switchEngine.load(io, old && { ...old, version: 1 }) },
      },
    ]);
    expect(() =>
      applyChanges(executor, [{ type: 'replace', engine: 'switch', factory: switchEngine }]),
    ).toThrow(
      'Version 1 of switch refused to load: the switch that runs left a state of version 2, and this one knows version 1.',
    );
  });

  itForSeeds('that throws in the middle of turns keeps its connections and loses no memory', 20, (seed) => {
    const { hosts, send, pass, sent } = twoHosts();
    const rng = new SeededRng(seed);
    sendSome(send, rng);
    pass(2000);
    for (let round = 0; round < 12; round++) {
      const victim = hosts[round & 1]!;
      let left = 1;
      victim.throws = () => left > 0 && chance(rng, 0.1) && left-- > 0;
      for (let i = 0; i < 30; i++) {
        sendSome(send, rng);
        pass(40);
      }
      victim.throws = () => false;
      // Calm enough that the next one is not of the same row of failures.
      pass(30_000);
      hosts.forEach(({ executor }) => {
        executor.find('switch')!.failedAt = Number.NEGATIVE_INFINITY;
      });
    }
    pass(100_000);
    const failures = hosts.flatMap((host) => host.failures);
    expect(failures.length).toBeGreaterThan(5);
    expect(new Set(failures)).toEqual(new Set(['it is started from its last state']));
    const { received } = hosts[1]!;
    expect(hosts[0]!.engine.vswitch.transport.counters.connectionsOpened).toBe(1);
    // What was in a turn's hands may be gone; nothing comes twice or late.
    expect([...received].sort((a, b) => a - b)).toEqual(received);
    expect(new Set(received).size).toBe(received.length);
    expect(received.length).toBeGreaterThan(0.8 * sent());
    // And what is gone is counted.
    const interrupted = hosts.map(({ engine, handed }) => {
      checkConservation(engine.vswitch);
      const { interruptedFrames, interruptedPackets, interruptedDeliveries } =
        engine.vswitch.counters.dropped;
      const { counters } = engine.vswitch;
      expect({ frames: counters.framesIn, packets: counters.packetsIn }).toEqual(handed);
      for (const count of [interruptedFrames, interruptedPackets, interruptedDeliveries])
        expect(count).toBeGreaterThanOrEqual(0);
      return interruptedFrames + interruptedPackets + interruptedDeliveries;
    });
    expect(interrupted[0]! + interrupted[1]!).toBeGreaterThanOrEqual(sent() - received.length);
    for (const host of hosts) expect(heldChunks(host)).toBeLessThanOrEqual(4);
  });

  it('that cannot go on with its state starts without it, with all memory free', () => {
    const { hosts, send, pass } = twoHosts();
    const rng = new SeededRng(3);
    sendSome(send, rng);
    pass(2000);
    hosts[0]!.throws = () => true;
    for (let i = 0; i < 40; i++) {
      sendSome(send, rng);
      pass(5000);
    }
    expect(hosts[0]!.failures.some((consequence) => consequence.startsWith('it is started anew'))).toBe(true);
    hosts[0]!.throws = () => false;
    const before = hosts[1]!.received.length;
    hosts[0]!.executor.find('switch')!.state = 'waiting';
    sendSome(send, rng);
    pass(3_000_000);
    sendSome(send, rng);
    pass(100_000);
    expect(hosts[1]!.received.length).toBeGreaterThan(before);
    expect(heldChunks(hosts[0]!)).toBeLessThanOrEqual(4);
  });
});

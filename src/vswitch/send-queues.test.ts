// Single flows that may not go: they wait in their queues, in order, and the others of their pair do not notice.

import { beforeEach, describe, expect, it } from 'vitest';
import { checkConservation, checkIdle } from '../../test/vswitch/conservation.ts';
import { frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { type World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { FlowKeys } from './flows/flow-keys.ts';
import type { FlowGate } from './send-queues.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1], [2]] };
const PAIR = 0;

/** The frame of a flow, by its source port, with a number of bytes of its own. */
function frameOf(sourcePort: number, payloadBytes: number): Uint8Array {
  return frameBetween(1, 2, { udp: { sourcePort }, payload: numbered(payloadBytes) });
}

class Gate implements FlowGate {
  readonly closed = new Set<number>();
  readonly parked: number[] = [];
  sentBytes = 0;

  readyAt(now: number, flow: number): number {
    return this.closed.has(flow) ? Number.POSITIVE_INFINITY : now;
  }
  sent(_now: number, _flow: number, bytes: number): void {
    this.sentBytes += bytes;
  }
  park(_now: number, flow: number): void {
    this.parked.push(flow);
  }
}

let world: World;
let sender: WorldHost;
let receiver: WorldHost;
let gate: Gate;

beforeEach(() => {
  const all = worldOf([layout]);
  world = all.world;
  [sender, receiver] = all.hosts as [WorldHost, WorldHost];
  gate = new Gate();
  sender.send(0, frameOf(9, 9));
  world.pass(300_000);
  sender.vswitch.waiting.send.guardedBy(gate);
});

/** Pauses the flow of this source port. */
function pause(sourcePort: number): number {
  const { send } = sender.vswitch.waiting;
  const frame = frameOf(sourcePort, 1);
  const keys = new FlowKeys({ u8: frame, view: new DataView(frame.buffer) } as never);
  const flow = send.backlog.pin(PAIR, keys.classify(0, frame.length));
  gate.closed.add(flow);
  send.gated(flow);
  return flow;
}

const received = () => receiver.received[0]!.slice(1);

describe('a flow that is paused', () => {
  it('waits, and the others of its pair do not', () => {
    const flow = pause(5);
    const frames = [1, 2, 3, 4, 5, 6].map((bytes) => frameOf(bytes % 2 === 0 ? 5 : 6, bytes));
    sender.send(0, ...frames);
    world.pass(100_000);
    expect(received()).toEqual([frames[0], frames[2], frames[4]]);
    expect(gate.parked).toEqual([flow]);
    expect(sender.vswitch.framesQueued).toBe(3);
    checkConservation(sender.vswitch);
    gate.closed.clear();
    sender.vswitch.waiting.send.wake(world.clock.nowMicros, flow);
    sender.send(0, frameOf(6, 7));
    world.pass(100_000);
    expect(received().slice(3)).toHaveLength(4);
    expect(received().filter((frame) => frame.length % 2 === 0)).toEqual([frames[1], frames[3], frames[5]]);
    expect(gate.sentBytes).toBe(frames[1]!.length + frames[3]!.length + frames[5]!.length);
  });

  it('is nothing special any more when the gate has nothing to say, and nothing is kept of it', () => {
    const { send } = sender.vswitch.waiting;
    const flow = pause(5);
    const frames = [1, 2].map((bytes) => frameOf(5, bytes));
    sender.send(0, ...frames);
    world.pass(10_000);
    expect(received()).toEqual([]);
    send.ungated(world.clock.nowMicros, flow);
    send.backlog.unpin(flow);
    sender.send(0, frameOf(6, 7));
    world.pass(100_000);
    expect(received().filter((frame) => frame.length < frameOf(6, 7).length)).toEqual(frames);
    expect(send.isClear(PAIR)).toBe(true);
    for (const { vswitch, region } of [sender, receiver]) checkIdle(vswitch, region);
  });

  it('does not overtake what it sent before, when the window held that up', () => {
    world.loses = ({ to }) => to === vtepOf(0);
    const frames = Array.from({ length: 700 }, (_, i) => frameOf(5 + (i & 1), 200 + i));
    sender.send(0, ...frames.slice(0, 650));
    world.pass(300);
    const flow = pause(5);
    sender.send(0, ...frames.slice(650));
    world.pass(300);
    world.loses = () => false;
    world.pass(1_000_000);
    const ofFlow = (port: number) => received().filter((frame) => frame[10 + 35] === port);
    expect(ofFlow(6)).toEqual(frames.filter((_, i) => (i & 1) === 1));
    expect(ofFlow(5).length).toBeLessThan(350);
    gate.closed.clear();
    sender.vswitch.waiting.send.wake(world.clock.nowMicros, flow);
    sender.send(0, frameOf(6, 1));
    world.pass(1_000_000);
    expect(ofFlow(5)).toEqual(frames.filter((_, i) => (i & 1) === 0));
  });

  it('keeps its place through a replacement of the switch', () => {
    const flow = pause(5);
    sender.send(0, frameOf(5, 1), frameOf(6, 2));
    world.pass(10_000);
    sender.replaceSwitch();
    const { send } = sender.vswitch.waiting;
    send.guardedBy(gate);
    sender.send(0, frameOf(5, 3), frameOf(6, 4));
    world.pass(10_000);
    expect(received()).toEqual([frameOf(6, 2), frameOf(6, 4)]);
    gate.closed.clear();
    send.wake(world.clock.nowMicros, flow);
    sender.send(0, frameOf(6, 5));
    world.pass(10_000);
    expect(received()).toHaveLength(5);
  });
});

it('a scheduler is replaced while frames flow, and none is lost', () => {
  world.loses = ({ to }) => to === vtepOf(0);
  const frames = Array.from({ length: 900 }, (_, i) => frameOf(1 + (i % 7), 100 + i));
  for (let i = 0; i < 9; i++) {
    sender.send(0, ...frames.slice(i * 100, i * 100 + 100));
    world.pass(100);
    sender.vswitch.waiting.schedule(world.clock.nowMicros, i % 2 === 0 ? 'edf' : 'drr');
    if (i === 5) world.loses = () => false;
  }
  expect(sender.vswitch.waiting.send.backlog.schedulerName).toBe('edf');
  world.pass(1_000_000);
  expect(received()).toHaveLength(900);
  for (let port = 1; port <= 7; port++) {
    const ofPort = (all: readonly Uint8Array[]) => all.filter((frame) => frame[10 + 35] === port);
    expect(ofPort(received())).toEqual(ofPort(frames));
  }
  for (const { vswitch, region } of [sender, receiver]) checkIdle(vswitch, region);
});

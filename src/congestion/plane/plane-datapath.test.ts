// Who is told of which flow, and when, if rings are small and algorithms slow.
import { describe, expect, it } from 'vitest';
import { roundProgram } from '../algorithms/round.ts';
import type { Command } from '../commands.ts';
import type { CongestionController } from '../controller.ts';
import { CWND } from '../language/instructions.ts';
import { type AlgorithmLink, PlaneLinks } from './links.ts';
import { type FromDatapath, readFromDatapath } from './message-reader.ts';
import { MAX_MESSAGE_BYTES, MessageRing, newRingMemory } from './message-ring.ts';
import { MessageWriter } from './message-writer.ts';
import { PlaneDatapath } from './plane-datapath.ts';

const MSS = 1000;
const writer = new MessageWriter();

function linkTo(algorithm: string, id: number, ringBytes = 65_536) {
  const rings = [0, 1].map(() => new MessageRing(newRingMemory(ringBytes))) as [MessageRing, MessageRing];
  let rung = 0;
  const link: AlgorithmLink = {
    id,
    algorithm,
    toAlgorithm: rings[0],
    fromAlgorithm: rings[1],
    ring: () => rung++,
  };
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  const heard = (): FromDatapath[] => {
    const all: FromDatapath[] = [];
    for (let length = link.toAlgorithm.pop(message); length > 0; length = link.toAlgorithm.pop(message))
      all.push(readFromDatapath(message, length)!);
    return all;
  };
  const update = (flow: number, cwnd: number) => say(flow, { kind: 'update', values: [[CWND, cwnd]] });
  const say = (flow: number, command: Command) =>
    link.fromAlgorithm.push(writer.bytes, writer.command(flow, command));
  return { link, heard, update, say, rung: () => rung };
}

function datapathOver(...links: AlgorithmLink[]) {
  const all = new PlaneLinks();
  all.links = links;
  const placeOf = (pair: number) => ({ vni: 77, peer: '10.0.2.1', localMac: pair, remoteMac: 2 });
  const datapath = new PlaneDatapath({
    mssBytes: MSS,
    maxCwndBytes: 512 * MSS,
    links: all,
    placeOf,
    nowMicros: 0,
  });
  return { datapath, links: all };
}

function ack(controller: CongestionController, nowMicros: number, slot = 0): void {
  const delays = { rttMicros: 200, fabricMicros: 100, endpointMicros: 100, hops: 2, markedPackets: 0 };
  controller.onAck({ nowMicros, slot, ackedBytes: MSS, inFlightBytes: 0, ...delays });
}

const kinds = (said: readonly FromDatapath[]) => said.map(({ kind }) => kind);

describe('an algorithm', () => {
  it('is told once a turn of all that is new: that the datapath begins, flows, and that they are over', () => {
    const { link, heard, rung } = linkTo('one', 1);
    const { datapath } = datapathOver(link);
    const controller = datapath.algorithm(5, 'one').create();
    datapath.run(10);
    for (const slot of [0, 3]) ack(controller, 10, slot);
    datapath.flush();
    const said = heard();
    expect(kinds(said)).toEqual(['ready', 'create', 'create']);
    expect(said[2]).toMatchObject({
      algorithm: 'one',
      flow: { source: '00:00:00:00:00:05', sourcePort: 3, overlay: { vni: 77, peer: '10.0.2.1' } },
    });
    expect(rung()).toBe(1);
    datapath.flush();
    expect([heard(), rung()]).toEqual([[], 1]);
    controller.close?.();
    datapath.flush();
    expect(kinds(heard())).toEqual(['close', 'close']);
  });

  it('that takes nothing is told later of what its ring has no room for, and keeps nobody busy until then', () => {
    const { link, heard } = linkTo('one', 1, 4096);
    const { datapath } = datapathOver(link);
    const controllers = Array.from({ length: 40 }, (_, pair) => datapath.algorithm(pair, 'one').create());
    datapath.run(10);
    for (const controller of controllers) ack(controller, 10);
    datapath.flush();
    expect(datapath.nextTimeout()).toBe(10_010);
    const created = new Set<number>();
    const take = () => {
      for (const said of heard()) if (said.kind === 'create') created.add(said.flow.id);
    };
    take();
    expect(created.size).toBeLessThan(20);
    for (let now = 11; created.size < 40 && now < 100_000; now = datapath.nextTimeout()) {
      datapath.run(now);
      datapath.flush();
      take();
    }
    expect(created.size).toBe(40);
  });

  it('has nothing to say about the flows of another', () => {
    const [one, two] = [linkTo('one', 1), linkTo('two', 2)];
    const { datapath } = datapathOver(one.link, two.link);
    const controller = datapath.algorithm(0, 'one').create();
    ack(controller, 0);
    datapath.flush();
    const id = one.heard().flatMap((said) => (said.kind === 'create' ? [said.flow.id] : []))[0]!;
    two.link.fromAlgorithm.push(writer.bytes, writer.command(id, { kind: 'abandon', why: 'because I can' }));
    two.update(id, 1e9);
    datapath.run(1);
    expect(datapath.counters).toMatchObject({ commands: 0, commandsLate: 2, fallbacks: 0 });
  });

  it('that says a lot in one turn has the rest taken in the next, and packets go between', () => {
    const { link, update } = linkTo('one', 1);
    const { datapath } = datapathOver(link);
    for (let i = 0; i < 100; i++) update(7, i);
    datapath.run(5);
    expect([datapath.counters.commandsLate, datapath.nextTimeout()]).toEqual([64, 5]);
    datapath.run(6);
    expect(datapath.counters.commandsLate).toBe(100);
    expect(datapath.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  describe('that was silent for too long', () => {
    const created = (said: readonly FromDatapath[]) =>
      said.flatMap((each) => (each.kind === 'create' ? [each.flow] : []));
    const program: Command = { kind: 'install', generation: 1, bytes: roundProgram.bytes, values: [] };

    /** A flow whose report nobody answered. */
    function lost() {
      const { link, heard, say } = linkTo('one', 1);
      const { datapath } = datapathOver(link);
      const controller = datapath.algorithm(0, 'one').create();
      ack(controller, 0);
      datapath.flush();
      const { id } = created(heard())[0]!;
      say(id, program);
      datapath.run(1000);
      ack(controller, 2000);
      expect(heard()).toMatchObject([{ kind: 'report', flow: id, serial: 1 }]);
      datapath.run(252_000);
      expect(datapath.flowsOf('one')).toEqual({ controlled: 0, fallback: 1 });
      return { id, say, heard, datapath, controller };
    }

    it('is told of the flow again when it speaks, with the window that it has by then', () => {
      const { id, say, heard, datapath, controller } = lost();
      say(id, { kind: 'answer', serial: 1 });
      say(id, { kind: 'update', values: [[CWND, 1e9]] });
      datapath.run(300_000);
      datapath.flush();
      const said = heard();
      expect(kinds(said)).toEqual(['close', 'create']);
      expect(said[0]).toMatchObject({ flow: id });
      const [again] = created(said);
      expect(again!.id).not.toBe(id);
      expect(again!.initialCwndBytes).toBe(controller.cwndBytes(0));
      say(again!.id, program);
      datapath.run(301_000);
      expect(datapath.flowsOf('one')).toEqual({ controlled: 1, fallback: 0 });
      datapath.flush();
      expect(heard()).toEqual([]);
    });

    it.each<Command>([
      { kind: 'abandon', why: 'out of ideas' },
      { kind: 'install', generation: 2, bytes: new Uint8Array(1808), values: [] },
    ])('but not when what it says is $kind, and is refused for good', (command) => {
      const { id, say, heard, datapath } = lost();
      say(id, command);
      say(id, { kind: 'answer', serial: 1 });
      datapath.run(300_000);
      datapath.flush();
      expect(heard()).toEqual([]);
    });
  });
});

it('rules: the last that fits decides, and absent fields fit anything', () => {
  const links = new PlaneLinks();
  const place = { vni: 77, peer: '10.0.2.1', localMac: 1, remoteMac: 2 };
  links.rules = [
    { algorithm: 'all' },
    { vni: 78, algorithm: 'other' },
    { vni: 77, remoteMac: 2, algorithm: 'pair' },
  ];
  expect(links.ruleFor(place)).toBe('pair');
  expect(links.ruleFor({ ...place, remoteMac: 3 })).toBe('all');
  links.rules = [...links.rules, { peer: '10.0.2.1', algorithm: 'peer' }];
  expect(links.ruleFor(place)).toBe('peer');
  links.rules = [];
  expect(links.ruleFor(place)).toBeUndefined();
});

it('says which data thread it is, by the number that its flows begin with', () => {
  const { link } = linkTo('one', 1);
  const links = new PlaneLinks(3);
  links.links = [link];
  const placeOf = () => ({ vni: 77, peer: '10.0.2.1', localMac: 1, remoteMac: 2 });
  const datapath = new PlaneDatapath({
    mssBytes: MSS,
    maxCwndBytes: 512 * MSS,
    links,
    placeOf,
    nowMicros: 0,
  });
  datapath.flush();
  const message = new Uint8Array(MAX_MESSAGE_BYTES);
  expect(link.toAlgorithm.pop(message)).toBe(12);
  expect(new DataView(message.buffer).getUint32(8, true)).toBe(3);
  expect(links.nextFlow() >>> 28).toBe(3);
});

// A turn does no more than it may, whatever clients have for it, and all of them get their turn; so does a removal.
import { beforeEach, expect, test } from 'vitest';
import type { EngineIo } from '../../runtime/engine.ts';
import type { Endpoint } from '../../runtime/shm/endpoint.ts';
import { OwnHeap } from '../../runtime/shm/heap.ts';
import type { Hello } from '../../runtime/shm/messages.ts';
import { ClientsEngine } from './engine.ts';
import type { ClientsGiven } from './given.ts';
import { type MemoryClient, MemoryResources } from './memory-resources.ts';
import { ClientService } from './service.ts';

const RECORDS = 1024;
const shape = { flows: 3, recordWords: 2, records: RECORDS };

let memory: MemoryResources;
let given: ClientsGiven;
let service: ClientService;
beforeEach(() => {
  memory = new MemoryResources();
  const access = { gid: undefined, group: undefined, uid: 0, sessionsPerUser: 9 };
  given = { access, resources: memory };
  service = new ClientService(given);
});

/** A session whose client's next turn is the test's. */
function open(blocks = false, attend = () => service.attend(0)): { client: MemoryClient; side: Endpoint } {
  const hello: Hello = { type: 'hello', versions: [1, 1], service: 'echo', blocks, ...shape };
  const client = memory.connect({ pid: 1, uid: 0, gid: 0, groups: [] });
  client.said.push(JSON.stringify(hello));
  if (blocks) client.said.push('{"type":"grow"}');
  for (let i = 0; i < 3; i++) attend();
  return { client, side: client.endpoint(shape) };
}

/** Records that name no block, on all flows. */
function fill({ flows }: Endpoint): void {
  for (const flow of flows) flow.push(new Uint32Array(2 * RECORDS), RECORDS);
}

test('the budget is for all sessions and all their flows, one behind the other', () => {
  const sides = [open().side, open().side, open().side];
  for (const side of sides) fill(side);
  const served = () => sides.flatMap(({ flows }) => flows.map((flow) => flow.available()));
  for (let turn = 1; turn <= 18; turn++) {
    expect(service.serve(10)).toBe(10);
    expect(served().reduce((sum, count) => sum + count)).toBe(10 * turn);
  }
  expect(served()).toEqual(new Array(9).fill(20));
});

test('another service goes on with the session whose turn it is', () => {
  const sides = [open().side, open().side];
  for (const side of sides) fill(side);
  for (let turn = 0; turn < 6; turn++) {
    service.serve(10);
    service = new ClientService(given, service.save());
  }
  for (const { flows } of sides) expect(flows.map((flow) => flow.available())).toEqual([10, 10, 10]);
});

test('what is copied counts, 4 KB as much as a record', () => {
  const { client, side } = open(true);
  const own = new OwnHeap(side.returns, side.health);
  own.addSegment(client.segments.client[0]!);
  const words = new Uint32Array(8).map((_, i) => (i % 2 === 0 ? own.alloc(65_536) : 65_536));
  side.flows[0]!.push(words, 4);
  // The first flow that has a turn finds no memory, and asks for some.
  while (client.segments.agent.length === 0) service.serve(1);
  expect([service.serve(34), side.flows[0]!.available()]).toEqual([34, 2]);
  expect([service.serve(1), side.flows[0]!.available()]).toEqual([17, 3]);
});

test('a session that broke the rules is served no further', () => {
  const { side } = open(true);
  side.flows[0]!.push(new Uint32Array([77, 2 ** 31]), 1);
  fill(side);
  service.serve(RECORDS);
  expect(service.report()).toMatchObject({ closed: 1, records: 0, faults: { badBlock: 1 } });
});

test('a removal serves what is there, some of it a turn', () => {
  const { client, side } = open(true);
  fill(side);
  let turns = 0;
  while (!service.drain()) turns++;
  expect(turns).toBe((3 * RECORDS) / 256);
  expect([service.report().records, client.isClosed]).toEqual([3 * RECORDS, false]);
});

test('a client that always has more is served for a tenth of a second after the removal, then told the end', () => {
  const watch = { ready: true };
  const queue = { push: () => 0, pop: () => 0, arm: () => true };
  const ports = { input: () => queue, output: () => queue, watch: () => watch };
  const engine = new ClientsEngine({ given, nowMicros: 0, ...ports } satisfies EngineIo<ClientsGiven>);
  const { client, side } = open(false, () => engine.run(0, 10));
  const words = new Uint32Array(2 * RECORDS);
  let now = 0;
  do {
    now += 1000;
    for (const flow of side.flows) flow.pop(words, RECORDS);
    fill(side);
    engine.run(now, 10);
  } while (!engine.drain(now) && now < 1_000_000);
  expect(now).toBe(101_000);
  expect(JSON.parse(client.heard.at(-1)!)).toMatchObject({
    message: 'The agent serves no clients any more.',
  });
});

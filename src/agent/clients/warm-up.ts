// Runs the clients' engine on made-up sessions, so that its code is compiled before records wait for it: clients in
// ordinary memory that send what they get back anew, some with blocks, who sleep and wake and come and go.
import type { EngineIo } from '../../runtime/engine.ts';
import type { Endpoint } from '../../runtime/shm/endpoint.ts';
import { OwnHeap, PeerHeap } from '../../runtime/shm/heap.ts';
import { type Hello, NEWEST_VERSION, OLDEST_VERSION } from '../../runtime/shm/messages.ts';
import { ClientsEngine } from './engine.ts';
import type { ClientsGiven } from './given.ts';
import { type MemoryClient, MemoryResources } from './memory-resources.ts';

const STEPS = 3000;
const STEP_MICROS = 7;
const BUDGET = 64;
/** Now and then an engine goes on from the state of another. */
const REPLACEMENT_STEPS = 150;
/** Now and then a client begins anew. */
const SESSION_STEPS = 100;
const MOST_IN_FLIGHT = 8;

const HELLOS: readonly Hello[] = [
  { blocks: false, flows: 1, recordWords: 4, records: 16 },
  { blocks: false, flows: 4, recordWords: 200, records: 4 },
  { blocks: true, flows: 1, recordWords: 4, records: 8 },
].map((shape) => ({ type: 'hello', versions: [OLDEST_VERSION, NEWEST_VERSION], service: 'echo', ...shape }));

/** The work in small steps: a call of what this returns does one, and says whether it was the last. */
export function warmUp(): () => boolean {
  const resources = new MemoryResources();
  const access = { gid: undefined, group: undefined, uid: 0, sessionsPerUser: HELLOS.length };
  const watch = { ready: true };
  const queue = { push: () => 0, pop: () => 0, arm: () => true };
  const io: EngineIo<ClientsGiven> = {
    given: { access, resources },
    nowMicros: 0,
    input: () => queue,
    output: () => queue,
    watch: () => watch,
  };
  let engine = new ClientsEngine(io);
  const clients: (WarmClient | undefined)[] = [];
  let step = 0;
  return () => {
    step++;
    const now = step * STEP_MICROS;
    const which = step % HELLOS.length;
    if (step % SESSION_STEPS < HELLOS.length) {
      clients[which]?.leave();
      clients[which] = new WarmClient(resources, HELLOS[which]!);
    }
    clients[which]?.work();
    watch.ready = resources.isReady;
    if (step % REPLACEMENT_STEPS === 0) engine = new ClientsEngine(io, engine.save());
    engine.run(now, BUDGET);
    engine.nextTimeout();
    return step === STEPS;
  };
}

/** Has some records in flight; what comes back goes again. */
class WarmClient {
  private readonly connection: MemoryClient;
  private readonly hello: Hello;
  private readonly words: Uint32Array;
  private side: { readonly endpoint: Endpoint; readonly own: OwnHeap; readonly theirs: PeerHeap } | undefined;
  private inFlight = 0;

  constructor(resources: MemoryResources, hello: Hello) {
    this.hello = hello;
    this.words = new Uint32Array(hello.recordWords * MOST_IN_FLIGHT);
    this.connection = resources.connect({ pid: 1, uid: 0, gid: 0, groups: [] });
    this.connection.said.push(JSON.stringify(hello));
    if (hello.blocks) this.connection.said.push('{"type":"grow"}');
  }

  leave(): void {
    this.connection.hasHungUp = true;
  }

  work(): void {
    const { connection, hello } = this;
    if (connection.halves === undefined) return;
    if (hello.blocks && connection.segments.client.length === 0) return;
    this.side ??= this.open();
    const { endpoint } = this.side;
    endpoint.listen();
    for (const flow of endpoint.flows) {
      const count = flow.pop(this.words, MOST_IN_FLIGHT);
      if (hello.blocks) this.giveBack(count);
      this.inFlight -= count;
      const wanted = Math.min(2, MOST_IN_FLIGHT - this.inFlight);
      if (hello.blocks) this.fill(wanted);
      this.inFlight += flow.push(this.words, wanted);
      if (count === 0) flow.arm();
    }
    if (this.inFlight === MOST_IN_FLIGHT) endpoint.sleep();
  }

  private open() {
    const { segments } = this.connection;
    const endpoint = this.connection.endpoint(this.hello);
    const own = new OwnHeap(endpoint.returns, endpoint.health);
    for (const segment of segments.client) own.addSegment(segment);
    return { endpoint, own, theirs: new PeerHeap(endpoint.returns, segments.agent) };
  }

  private fill(records: number): void {
    for (let i = 0; i < records; i++) {
      const bytes = 100 + 300 * i;
      this.words[i * this.hello.recordWords] = this.side!.own.alloc(bytes);
      this.words[i * this.hello.recordWords + 1] = bytes;
    }
  }

  private giveBack(records: number): void {
    for (let i = 0; i < records; i++) this.side!.theirs.giveBack(this.words[i * this.hello.recordWords]!);
  }
}

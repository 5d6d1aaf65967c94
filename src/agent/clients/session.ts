// The agent's side of one client's session: what it knows beside the session's memory, which belongs to the executor, and
// its turn at the service. A client can die at any instruction: nothing that it leaves half done is waited for.
import { Endpoint, type EndpointState } from '../../runtime/shm/endpoint.ts';
import { type Fault, halfOf } from '../../runtime/shm/half.ts';
import { OwnHeap, PeerHeap } from '../../runtime/shm/heap.ts';
import { layoutOf } from '../../runtime/shm/layout.ts';
import type { FromAgent, Hello } from '../../runtime/shm/messages.ts';
import { MAX_SEGMENTS, type SlabState } from '../../runtime/shm/slab.ts';
import { BlockEcho, type BlockEchoState, echoRecords, NO_MEMORY, NO_ROOM } from './echo.ts';
import type { ClientResources, Owner } from './given.ts';

/** A flow found empty so often in a row rests until its doorbell rings. */
const IDLE_TURNS = 200;

/** What another engine's session goes on from, over the same memory. */
export interface SessionState {
  readonly hello: Hello;
  readonly records: number;
  readonly idleTurns: number;
  readonly nextFlow: number;
  readonly endpoint: EndpointState;
  readonly heap: SlabState;
  /** One a flow where records name blocks. */
  readonly echoes: readonly BlockEchoState[];
}

/** `version` is the one that both speak. Undefined when the system has no memory or descriptors left; what it did have is taken back with the connection. */
export function openSession(
  id: number,
  resources: ClientResources,
  hello: Hello,
  version: number,
): Session | undefined {
  const { flows, recordWords, records } = hello;
  const welcome: FromAgent = { type: 'welcome', version, flows, recordWords, records };
  const halves = resources.open(id, layoutOf(hello).halfBytes, JSON.stringify(welcome));
  return halves && new Session(id, resources, hello);
}

export class Session {
  records: number;
  /** Turns in which there was nothing to do, in a row. */
  idleTurns: number;
  /** The system had no memory for its heap. */
  isStarved = false;
  /** The one that is served next, so that all get their turn. */
  private nextFlow: number;
  private readonly id: number;
  private readonly resources: ClientResources;
  private readonly hello: Hello;
  private readonly endpoint: Endpoint;
  private readonly own: OwnHeap;
  private readonly theirs: PeerHeap;
  private readonly echoes: readonly BlockEcho[];

  /** The connection's memory has been made. */
  constructor(id: number, resources: ClientResources, hello: Hello, old?: SessionState) {
    this.id = id;
    this.resources = resources;
    this.hello = hello;
    this.records = old?.records ?? 0;
    this.idleTurns = old?.idleTurns ?? 0;
    this.nextFlow = old?.nextFlow ?? 0;
    const { mine, theirs } = resources.halves(id);
    const wake = () => resources.wake(id);
    this.endpoint = new Endpoint(hello, halfOf(mine), halfOf(theirs), wake, old?.endpoint);
    const { returns, health } = this.endpoint;
    this.own = new OwnHeap(returns, health, old?.heap, [...resources.segments(id, 'agent')]);
    this.theirs = new PeerHeap(returns, [...resources.segments(id, 'client')]);
    this.echoes = hello.blocks
      ? this.endpoint.flows.map(
          (_, flow) => new BlockEcho(this.own, this.theirs, health, hello.recordWords, old?.echoes[flow]),
        )
      : [];
  }

  save(): SessionState {
    return {
      hello: this.hello,
      records: this.records,
      idleTurns: this.idleTurns,
      nextFlow: this.nextFlow,
      endpoint: this.endpoint.save(),
      heap: this.own.save(),
      echoes: this.echoes.map((echo) => echo.save()),
    };
  }

  get service(): string {
    return this.hello.service;
  }

  get fault(): Fault {
    return this.endpoint.health.fault;
  }

  get wakes(): number {
    return this.endpoint.wakes;
  }

  /** Does what there is to do, about `budget` units of work at most, beginning behind the flow it ended with; how many. */
  serve(budget: number): number {
    const { endpoint } = this;
    const flows = endpoint.flows.length;
    let done = endpoint.listen();
    for (let left = endpoint.awakeFlows > 0 ? flows : 0; left > 0 && done < budget; left--) {
      const flow = this.nextFlow;
      this.nextFlow = flow + 1 === flows ? 0 : flow + 1;
      if (endpoint.isAwake(flow)) done += this.serveFlow(flow, budget - done);
    }
    this.idleTurns = done > 0 ? 0 : this.idleTurns + 1;
    return done;
  }

  /** True when there is nothing to do and the client's next doorbell will wake us. */
  sleep(): boolean {
    const { endpoint } = this;
    for (let flow = 0; flow < endpoint.flows.length; flow++) {
      if (!endpoint.isAwake(flow)) continue;
      if (!endpoint.flows[flow]!.arm()) return false;
      endpoint.rest(flow);
    }
    return endpoint.sleep();
  }

  /** The client's heap is full. */
  grow(): void {
    if (this.theirs.segments.length < MAX_SEGMENTS) this.addSegment('client');
    else if (!this.resources.send(this.id, JSON.stringify({ type: 'full' } satisfies FromAgent)))
      this.blameDeafness();
  }

  private serveFlow(flow: number, budget: number): number {
    const { endpoint } = this;
    const channel = endpoint.flows[flow]!;
    const echo = this.echoes[flow];
    const served =
      echo === undefined ? echoRecords(channel, this.hello.recordWords, budget) : echo.serve(channel, budget);
    if (served > 0) {
      this.records += served;
      return echo === undefined ? served : echo.spent;
    }
    // What came in the moment that we meant to rest is work for the next turn.
    if (served === NO_ROOM) return channel.armRoom() ? this.restFlow(flow) : 1;
    if (served === NO_MEMORY) return this.findMemory() ? 1 : this.restFlow(flow);
    return this.idleTurns > IDLE_TURNS && channel.arm() ? this.restFlow(flow) : 0;
  }

  private restFlow(flow: number): 0 {
    this.endpoint.rest(flow);
    return 0;
  }

  /** By another segment or by blocks that came back; false when those that come back next will ring. */
  private findMemory(): boolean {
    if (!this.own.wantsSegment() || this.own.segments.length >= MAX_SEGMENTS)
      return !this.endpoint.returns.arm();
    this.addSegment('agent');
    return true;
  }

  private addSegment(owner: Owner): void {
    const { id, resources } = this;
    const message: FromAgent = { type: 'segment', owner };
    const outcome = resources.addSegment(id, owner, JSON.stringify(message));
    if (outcome === 'no memory') {
      this.isStarved = true;
      return;
    }
    const bytes = resources.segments(id, owner).at(-1)!;
    if (owner === 'agent') this.own.addSegment(bytes);
    else this.theirs.segments.push(bytes);
    if (outcome === 'unread') this.blameDeafness();
  }

  /** A client that leaves so much unread that there is no room cannot be told anything. */
  private blameDeafness(): void {
    this.endpoint.health.blame('badMessage');
  }
}

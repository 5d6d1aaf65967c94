// The agent's side of one client's session: all of its memory and descriptors, which the agent makes and takes back, and
// its turn at the service. A client can die at any instruction: nothing that it leaves half done is waited for.
import { EventFd } from '../../linux/eventfd.ts';
import { close } from '../../linux/libc.ts';
import { createShared, type Mapping } from '../../linux/shared-memory.ts';
import { type Credentials, sendMessage } from '../../linux/unix-socket.ts';
import { WakePipe } from '../../linux/wake-pipe.ts';
import { Endpoint } from '../../runtime/shm/endpoint.ts';
import { type Fault, halfOf } from '../../runtime/shm/half.ts';
import { OwnHeap, PeerHeap } from '../../runtime/shm/heap.ts';
import { layoutOf } from '../../runtime/shm/layout.ts';
import { type FromAgent, type Hello, NEWEST_VERSION } from '../../runtime/shm/messages.ts';
import { MAX_SEGMENTS, SEGMENT_BYTES } from '../../runtime/shm/slab.ts';
import { BlockEcho, echoRecords, NO_MEMORY, NO_ROOM } from './echo.ts';

/** A flow found empty so often in a row rests until its doorbell rings. */
const IDLE_TURNS = 200;

export class Session {
  readonly credentials: Credentials;
  readonly service: string;
  /** Wakes us; to be watched for edges and never read, for the client could make reading it block. */
  readonly bell: EventFd;
  /** Bytes of memory made for it. */
  sharedBytes = 0;
  records = 0;
  /** Turns in which there was nothing to do, in a row. */
  idleTurns = 0;
  private readonly socket: number;
  private readonly endpoint: Endpoint;
  private readonly clientBell: WakePipe;
  private readonly mappings: Mapping[] = [];
  private readonly own: OwnHeap;
  private readonly theirs: PeerHeap;
  private readonly blockEchoes: readonly BlockEcho[];
  private readonly recordWords: number;

  /** Makes what the session needs and sends it off; throws SelvageError when the system has no more. */
  constructor(socket: number, credentials: Credentials, hello: Hello) {
    const { service, blocks, flows, recordWords, records } = hello;
    this.socket = socket;
    this.credentials = credentials;
    this.service = service;
    this.recordWords = recordWords;
    this.bell = new EventFd();
    this.clientBell = new WakePipe();
    const sent: number[] = [];
    try {
      const { halfBytes } = layoutOf(hello);
      const mine = this.makeMemory('selvage-agent', halfBytes, 'us', sent);
      const client = this.makeMemory('selvage-client', halfBytes, 'them', sent);
      this.endpoint = new Endpoint(hello, halfOf(mine), halfOf(client), () => this.clientBell.signal());
      const { returns, health } = this.endpoint;
      this.own = new OwnHeap(returns, health);
      this.theirs = new PeerHeap(returns);
      this.blockEchoes = blocks
        ? this.endpoint.flows.map(() => new BlockEcho(this.own, this.theirs, health, recordWords))
        : [];
      this.say({ type: 'welcome', version: NEWEST_VERSION, flows, recordWords, records }, [
        ...sent,
        this.bell.fd,
        this.clientBell.readFd,
      ]);
    } catch (error) {
      this.release();
      throw error;
    } finally {
      for (const fd of sent) close(fd);
    }
  }

  get fault(): Fault {
    return this.endpoint.health.fault;
  }

  get wakes(): number {
    return this.endpoint.wakes;
  }

  /** Does what there is to do, at most about `budget` records a flow; how many records were served. */
  serve(budget: number): number {
    const { endpoint } = this;
    let served = endpoint.listen();
    if (endpoint.awakeFlows > 0) {
      for (let flow = 0; flow < endpoint.flows.length; flow++) {
        if (endpoint.isAwake(flow)) served += this.serveFlow(flow, budget);
      }
    }
    this.idleTurns = served > 0 ? 0 : this.idleTurns + 1;
    return served;
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
    if (this.theirs.segments.length >= MAX_SEGMENTS) this.say({ type: 'full' });
    else this.addSegment('client');
  }

  /** Says why, if there is something to say, and takes everything back. */
  close(last?: FromAgent): void {
    if (last !== undefined) sendMessage(this.socket, JSON.stringify(last));
    this.release();
  }

  private serveFlow(flow: number, budget: number): number {
    const { endpoint } = this;
    const channel = endpoint.flows[flow]!;
    const echo = this.blockEchoes[flow];
    const served =
      echo === undefined ? echoRecords(channel, this.recordWords, budget) : echo.serve(channel, budget);
    if (served > 0) {
      this.records += served;
      return served;
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

  private addSegment(owner: 'agent' | 'client'): void {
    const sent: number[] = [];
    const writer = owner === 'agent' ? 'us' : 'them';
    const bytes = new Uint8Array(this.makeMemory('selvage-heap', SEGMENT_BYTES, writer, sent));
    if (owner === 'agent') this.own.addSegment(bytes);
    else this.theirs.segments.push(bytes);
    this.say({ type: 'segment', owner }, sent);
    for (const fd of sent) close(fd);
  }

  private makeMemory(name: string, bytes: number, writer: 'us' | 'them', sent: number[]): ArrayBuffer {
    const { fd, mapping } = createShared(name, bytes, writer);
    sent.push(fd);
    this.mappings.push(mapping);
    this.sharedBytes += bytes;
    return mapping.buffer;
  }

  private say(message: FromAgent, fds: readonly number[] = []): void {
    // A client that leaves so much unread that there is no room cannot be told anything.
    if (!sendMessage(this.socket, JSON.stringify(message), fds)) this.endpoint.health.blame('badMessage');
  }

  private release(): void {
    this.bell.close();
    this.clientBell.close();
    for (const mapping of this.mappings.splice(0)) mapping.unmap();
  }
}

// A client of the model: sends numbered records, with blocks or without, on all its flows, wants them back once, whole and
// in order, and sleeps as real ones do: until it is woken.
import { below, type Rng } from '../../base/rng.ts';
import type { Endpoint } from '../../runtime/shm/endpoint.ts';
import { OwnHeap, offsetOf, PeerHeap } from '../../runtime/shm/heap.ts';
import type { FromAgent, Hello } from '../../runtime/shm/messages.ts';
import type { MemoryClient } from './memory-resources.ts';

export class ModelClient {
  readonly connection: MemoryClient;
  readonly received: number[];
  private readonly hello: Hello;
  private readonly rng: Rng;
  private readonly total: number;
  private readonly sent: number[];
  private readonly words: Uint32Array;
  private endpoint: Endpoint | undefined;
  private own: OwnHeap | undefined;
  private theirs: PeerHeap | undefined;
  private wakesSeen = 0;
  private isAsleep = false;

  constructor(connection: MemoryClient, hello: Hello, rng: Rng, total: number) {
    this.connection = connection;
    this.hello = hello;
    this.rng = rng;
    this.total = total;
    this.sent = new Array(hello.flows).fill(0);
    this.received = new Array(hello.flows).fill(0);
    this.words = new Uint32Array(hello.recordWords * hello.records);
    connection.said.push(JSON.stringify(hello));
    if (hello.blocks) connection.said.push('{"type":"grow"}');
  }

  get isDone(): boolean {
    return this.received.every((count) => count === this.total);
  }

  /** What the agent said when it ended the session; undefined while it lasts. */
  get lastWord(): FromAgent | undefined {
    const { heard, isClosed } = this.connection;
    return isClosed ? JSON.parse(heard.at(-1)!) : undefined;
  }

  /** Does something, unless it sleeps. Throws when a record is not what it should be. */
  step(): void {
    const { connection, hello } = this;
    if (connection.isClosed || connection.halves === undefined || this.isDone) return;
    if (hello.blocks && connection.segments.client.length === 0) return;
    if (this.isAsleep && connection.wakes === this.wakesSeen) return;
    this.isAsleep = false;
    this.wakesSeen = connection.wakes;
    this.endpoint ??= this.open();
    this.endpoint.listen();
    const flow = below(this.rng, hello.flows);
    if (below(this.rng, 2) === 0) this.send(flow);
    this.receive(flow);
    if (below(this.rng, 4) === 0) this.isAsleep = this.sleep();
    const { fault } = this.endpoint.health;
    if (fault !== 'none') throw new Error(`the agent broke the rules: ${fault}`);
  }

  private open(): Endpoint {
    const endpoint = this.connection.endpoint(this.hello);
    const { segments } = this.connection;
    this.own = new OwnHeap(endpoint.returns, endpoint.health);
    for (const segment of segments.client) this.own.addSegment(segment);
    this.theirs = new PeerHeap(endpoint.returns, segments.agent);
    return endpoint;
  }

  private send(flow: number): void {
    const { recordWords, records } = this.hello;
    const left = this.total - this.sent[flow]!;
    const wanted = Math.min(left, 1 + below(this.rng, records));
    let filled = 0;
    while (filled < wanted && this.fill(filled, this.sent[flow]! + filled)) filled++;
    const taken = this.endpoint!.flows[flow]!.push(this.words, filled);
    for (let i = taken; i < filled && this.hello.blocks; i++) this.own!.free(this.words[i * recordWords]!);
    this.sent[flow]! += taken;
  }

  /** False when there is no memory for its block. */
  private fill(index: number, number: number): boolean {
    const at = index * this.hello.recordWords;
    this.words.fill(number, at, at + this.hello.recordWords);
    if (!this.hello.blocks) return true;
    const bytes = 1 + (number % 3000);
    const address = this.own!.alloc(bytes);
    if (address < 0) return false;
    const from = offsetOf(address);
    this.own!.segmentOf(address).fill(number & 255, from, from + bytes);
    this.words[at] = address;
    this.words[at + 1] = bytes;
    return true;
  }

  private receive(flow: number): void {
    const { recordWords, records } = this.hello;
    const count = this.endpoint!.flows[flow]!.pop(this.words, 1 + below(this.rng, records));
    for (let i = 0; i < count; i++) {
      const record = this.words.subarray(i * recordWords, (i + 1) * recordWords);
      this.check(record, this.received[flow]!++);
    }
  }

  private check(record: Uint32Array, number: number): void {
    const named = this.hello.blocks ? record.subarray(2) : record;
    if (named.some((word) => word !== number)) throw new Error(`record ${number} is ${[...record]}`);
    if (!this.hello.blocks) return;
    const [address, bytes] = [record[0]!, record[1]!];
    const from = offsetOf(address);
    const block = this.theirs!.segmentOf(address, bytes)?.subarray(from, from + bytes);
    if (bytes !== 1 + (number % 3000) || block === undefined || block.some((byte) => byte !== (number & 255)))
      throw new Error(`the block of record ${number} is not what was sent`);
    this.theirs!.giveBack(address);
  }

  /** True when there is nothing to do and the next doorbell wakes. */
  private sleep(): boolean {
    const endpoint = this.endpoint!;
    if (this.hello.blocks && !endpoint.returns.arm()) return false;
    for (let flow = 0; flow < this.hello.flows; flow++) {
      const channel = endpoint.flows[flow]!;
      if (!channel.arm() || (this.sent[flow]! < this.total && !channel.armRoom())) return false;
    }
    return endpoint.sleep();
  }
}

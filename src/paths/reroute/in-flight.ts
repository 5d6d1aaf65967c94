// Requests that are not answered yet. A request carries the number of its record and a tag over all that the record says,
// which nobody can compute who did not see the request; so an answer is believed once, and only if it is one
// (ZooRoute §A: Reflect Data is for the source alone; the process ID tells the answers to another process apart).
//
//   Reflect Data, 20 bytes: source port 16 | zero 16 | process ID 32 | tag 64 | record 32

import { type Columns, columnsOf } from '../../base/columns.ts';
import { SipHash } from '../../base/siphash.ts';
import { TimerWheel } from '../../base/timer-wheel.ts';

export const REFLECT_BYTES = 20;
/** In place of a port's number: the request is a negotiation. */
export const NEGOTIATION_PORT = 0xff;

const PROCESS = 4;
const TAG = 8;
const RECORD = 16;
const FIRST_RECORDS = 64;

const COLUMNS = {
  isOut: Uint8Array,
  peer: Uint32Array,
  /** 0 to 63, or NEGOTIATION_PORT. */
  port: Uint8Array,
  sequence: Uint32Array,
  sentAt: Float64Array,
} as const;

export type Refusal = 'otherProcess' | 'forged' | 'unasked';

export class InFlight {
  records: Columns<typeof COLUMNS> = columnsOf(COLUMNS, FIRST_RECORDS);
  private readonly free: number[] = [];
  private top = 0;
  private readonly timeouts: TimerWheel;
  private readonly sip: SipHash;
  private readonly processId: number;
  private readonly words = new Uint32Array(4);

  constructor(now: number, secret: readonly [number, number, number, number], processId: number) {
    this.timeouts = new TimerWheel(now);
    this.sip = new SipHash(secret);
    this.processId = processId >>> 0;
  }

  get size(): number {
    return this.top - this.free.length;
  }

  /** Records a request, writes its Reflect Data, and returns the record. */
  add(
    view: DataView,
    at: number,
    peer: number,
    port: number,
    sourcePort: number,
    sequence: number,
    now: number,
    deadline: number,
  ): number {
    const record = this.free.pop() ?? this.top++;
    if (record >= this.records.isOut.length) this.records = columnsOf(COLUMNS, record * 2, this.records);
    const { records } = this;
    records.isOut[record] = 1;
    records.peer[record] = peer;
    records.port[record] = port;
    records.sequence[record] = sequence;
    records.sentAt[record] = now;
    this.timeouts.set(record, deadline);
    this.computeTag(record, sourcePort);
    view.setUint16(at, sourcePort);
    view.setUint16(at + 2, 0);
    view.setUint32(at + PROCESS, this.processId);
    view.setUint32(at + TAG, this.sip.tag[1]!);
    view.setUint32(at + TAG + 4, this.sip.tag[0]!);
    view.setUint32(at + RECORD, record);
    return record;
  }

  /** It was not sent after all. */
  withdraw(record: number): void {
    this.timeouts.cancel(record);
    this.release(record);
  }

  /** The record of a response from `peer`, which is settled by that; or why it is none. */
  settle(view: DataView, at: number, length: number, peer: number, sequence: number): number | Refusal {
    if (length < REFLECT_BYTES) return 'forged';
    if (view.getUint32(at + PROCESS) !== this.processId) return 'otherProcess';
    const record = view.getUint32(at + RECORD);
    const { records } = this;
    if (record >= this.top || records.isOut[record] === 0) return 'unasked';
    if (records.peer[record] !== peer || records.sequence[record] !== sequence) return 'unasked';
    this.computeTag(record, view.getUint16(at));
    const isOurs =
      view.getUint32(at + TAG) === this.sip.tag[1] && view.getUint32(at + TAG + 4) === this.sip.tag[0];
    if (!isOurs) return 'forged';
    this.timeouts.cancel(record);
    this.release(record);
    return record;
  }

  /** Calls `lost` for each record whose time is over. */
  expire(now: number, lost: (record: number) => void): void {
    this.timeouts.expire(now, (record) => {
      this.release(record);
      lost(record);
    });
  }

  nextTimeout(): number {
    return this.timeouts.nextTimeout();
  }

  /** A record's columns stay readable until the next `add`. */
  private release(record: number): void {
    this.records.isOut[record] = 0;
    this.free.push(record);
  }

  private computeTag(record: number, sourcePort: number): void {
    const { words, records } = this;
    words[0] = record;
    words[1] = records.peer[record]!;
    words[2] = records.sequence[record]!;
    words[3] = (records.port[record]! << 16) | sourcePort;
    this.sip.hash(words, words.length);
  }
}

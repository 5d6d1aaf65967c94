// The sending half of a guest's TCP connection: what may be sent, what must be sent again and when. Slow start and
// AIMD (RFC 5681), NewReno's fast recovery on three duplicate acknowledgements (RFC 6582) with limited transmit (RFC
// 3042), a timeout that starts over from the oldest byte, and Linux's tail-loss probe (RFC 8985 §7).
//
// Not modelled, and all of it would help a guest on a lossy path with much in flight: SACK and RACK, CUBIC, proportional
// rate reduction, undoing a reduction that was not needed. With one segment in flight, as of a request, none of it
// matters: Linux then waits for its 200 ms as well.

import { Alarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import { RttEstimator } from './rtt.ts';

/** Linux's initial window (RFC 6928). */
const INITIAL_SEGMENTS = 10;
const DUPLICATES = 3;

/** Sends the bytes from `offset` of the stream on. */
export type EmitData = (offset: number, length: number) => void;

export interface SendCounters {
  segments: number;
  retransmissions: number;
  fastRetransmits: number;
  probes: number;
  timeouts: number;
}

/** Positions are offsets in the stream of bytes: una ≤ next ≤ highest ≤ written. */
export class SendStream {
  readonly rtt = new RttEstimator();
  readonly counters: SendCounters = {
    segments: 0,
    retransmissions: 0,
    fastRetransmits: 0,
    probes: 0,
    timeouts: 0,
  };
  una = 0;
  written = 0;
  cwndBytes: number;
  private next = 0;
  private highest = 0;
  private ssthreshBytes = Number.POSITIVE_INFINITY;
  private peerWindow = 0;
  private duplicates = 0;
  private state: 'open' | 'recovery' | 'loss' = 'open';
  /** Recovery ends when everything below is acknowledged. */
  private recover = 0;
  private probed = false;
  private waitsFor: 'probe' | 'timeout' = 'timeout';
  private readonly clock: Clock;
  private readonly mss: number;
  private readonly emit: EmitData;
  private readonly alarm: Alarm;

  constructor(clock: Clock, mss: number, emit: EmitData) {
    this.clock = clock;
    this.mss = mss;
    this.emit = emit;
    this.cwndBytes = INITIAL_SEGMENTS * mss;
    this.alarm = new Alarm(clock, () => this.onAlarm());
  }

  /** Sent and not acknowledged. */
  get inFlight(): number {
    return this.highest - this.una;
  }

  write(bytes: number): void {
    this.written += bytes;
    this.pump(0);
  }

  /** The connection is open: the peer takes so many bytes. */
  open(peerWindow: number): void {
    this.peerWindow = peerWindow;
    this.pump(0);
  }

  /** Nothing is sent any more, nor again. */
  abandon(): void {
    this.alarm.cancel();
  }

  /** An acknowledgement of everything below `ack`; `isPure` when it came without data. */
  acknowledge(ack: number, peerWindow: number, rttMicros: number, isPure: boolean): void {
    if (ack > this.highest || ack < this.una) return;
    const windowChanged = peerWindow !== this.peerWindow;
    this.peerWindow = peerWindow;
    if (ack > this.una) this.advance(ack, rttMicros);
    else if (isPure && !windowChanged && this.inFlight > 0) this.onDuplicate();
    else this.pump(0);
  }

  private advance(ack: number, rttMicros: number): void {
    const acked = ack - this.una;
    this.una = ack;
    this.next = Math.max(this.next, ack);
    this.probed = false;
    this.rtt.sample(rttMicros);
    if (this.state === 'recovery' && ack < this.recover) {
      // A partial acknowledgement: the next segment is missing as well.
      this.send(ack, Math.min(this.mss, this.highest - ack));
      this.cwndBytes = Math.max(this.mss, this.cwndBytes - acked + this.mss);
    } else {
      if (this.state === 'recovery') this.cwndBytes = this.ssthreshBytes;
      else this.grow(acked);
      if (ack >= this.recover) this.state = 'open';
      this.duplicates = 0;
    }
    this.arm();
    this.pump(0);
  }

  /** Only a window that was in use says anything about the network (RFC 7661, as Linux judges it). */
  private grow(acked: number): void {
    const used = this.inFlight + acked;
    const isSlowStart = this.cwndBytes < this.ssthreshBytes;
    if ((isSlowStart ? 2 * used : used + this.mss) < this.cwndBytes) return;
    if (isSlowStart) this.cwndBytes += Math.min(acked, 2 * this.mss);
    else this.cwndBytes += (this.mss * acked) / this.cwndBytes;
  }

  private onDuplicate(): void {
    if (this.state === 'loss') return;
    this.duplicates++;
    if (this.state === 'recovery') {
      this.cwndBytes += this.mss;
      this.pump(0);
    } else if (this.duplicates < DUPLICATES) {
      this.pump(this.duplicates * this.mss);
    } else {
      this.counters.fastRetransmits++;
      this.reduce();
      this.state = 'recovery';
      this.cwndBytes = this.ssthreshBytes + DUPLICATES * this.mss;
      this.send(this.una, Math.min(this.mss, this.inFlight));
      this.arm();
    }
  }

  private onAlarm(): void {
    if (this.waitsFor === 'probe') this.probe();
    else this.timeOut();
    this.arm();
  }

  /** Something new, or else the last segment again: its acknowledgement tells what is missing. */
  private probe(): void {
    this.counters.probes++;
    this.probed = true;
    const room = Math.min(this.written, this.una + this.peerWindow) - this.highest;
    if (room > 0) {
      const length = Math.min(this.mss, room);
      this.send(this.highest, length);
      this.next = this.highest;
    } else {
      const length = Math.min(this.mss, this.inFlight);
      this.send(this.highest - length, length);
    }
  }

  private timeOut(): void {
    this.counters.timeouts++;
    this.rtt.backoffs++;
    if (this.state !== 'loss') this.reduce();
    this.state = 'loss';
    this.cwndBytes = this.mss;
    this.duplicates = 0;
    this.next = this.una;
    this.pump(0);
  }

  private reduce(): void {
    this.ssthreshBytes = Math.max(this.inFlight / 2, 2 * this.mss);
    this.recover = this.highest;
  }

  /** Sends what the windows allow, and `extra` bytes more than the congestion window. */
  private pump(extra: number): void {
    const limit = Math.min(this.written, this.una + Math.min(this.cwndBytes + extra, this.peerWindow));
    let sent = false;
    while (this.next < limit) {
      const length = Math.min(this.mss, limit - this.next);
      // The window's rest is not worth a segment of its own (RFC 9293 §3.8.6.2.1).
      if (length < this.mss && this.next + length < this.written && this.next > this.una) break;
      this.send(this.next, length);
      this.next += length;
      sent = true;
    }
    if (sent && (!this.alarm.isSet || this.waitsFor === 'probe')) this.arm();
  }

  private send(offset: number, length: number): void {
    this.counters.segments++;
    if (offset < this.highest) this.counters.retransmissions++;
    this.highest = Math.max(this.highest, offset + length);
    this.emit(offset, length);
  }

  private arm(): void {
    const { nowMicros } = this.clock;
    if (this.inFlight === 0) {
      this.alarm.cancel();
      return;
    }
    const mayProbe = this.state === 'open' && !this.probed;
    this.waitsFor = mayProbe ? 'probe' : 'timeout';
    const segments = Math.ceil(this.inFlight / this.mss);
    this.alarm.set(nowMicros + (mayProbe ? this.rtt.probeMicros(segments) : this.rtt.rtoMicros));
  }
}

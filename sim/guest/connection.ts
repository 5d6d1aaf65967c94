// A guest's TCP connection (RFC 9293), as much of it as requests, responses and bulk transfers need: opening, both
// streams, delayed acknowledgements. Nothing is said at its end: a run is over, or one side gave up and fell silent.

import { serialDiff } from '../../src/base/serial.ts';
import { Alarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import { ReceiveStream } from './receive-stream.ts';
import { INITIAL_RTO_MICROS } from './rtt.ts';
import {
  ACK,
  type Endpoint,
  encodeSegment,
  PUSH,
  SEGMENT_OVERHEAD_BYTES,
  type SegmentReader,
  SYN,
  WINDOW_SCALE,
} from './segment.ts';
import { SendStream } from './send-stream.ts';

/** Linux's TCP_DELACK_MIN. */
const ACK_DELAY_MICROS = 40_000;
/** Full segments that are acknowledged together. */
const ACK_SEGMENTS = 2;

export interface StackOptions {
  /** Of the tenant's interface. */
  readonly mtu: number;
  /** What the peer may have in flight at the most. */
  readonly receiveBufferBytes: number;
}

export interface ConnectionOptions extends StackOptions {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** A client asks for the connection at once, a server when it was asked. */
  readonly isClient: boolean;
  /** The initial sequence number. */
  readonly isn: number;
}

export class Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly sending: SendStream;
  readonly receiving = new ReceiveStream();
  isOpen = false;
  onOpen: () => void = () => {};
  /** So many bytes more have been received in order. */
  onData: (bytes: number) => void = () => {};
  private readonly clock: Clock;
  private readonly out: (frame: Uint8Array) => void;
  private readonly mss: number;
  private readonly bufferBytes: number;
  private readonly localIsn: number;
  private remoteIsn = 0;
  private readonly isClient: boolean;
  private readonly handshake: Alarm;
  private handshakeAttempts = 0;
  private readonly delayedAck: Alarm;
  private unackedSegments = 0;
  private isAbandoned = false;
  /** The timestamp to echo, and where the stream stood when we acknowledged last (RFC 7323 §4.3). */
  private recentStamp = 0;
  private lastAcked = 0;

  /** `out` sends a frame. */
  constructor(clock: Clock, options: ConnectionOptions, out: (frame: Uint8Array) => void) {
    this.clock = clock;
    this.local = options.local;
    this.remote = options.remote;
    this.localIsn = options.isn;
    this.isClient = options.isClient;
    this.out = out;
    this.mss = options.mtu - SEGMENT_OVERHEAD_BYTES;
    this.bufferBytes = options.receiveBufferBytes;
    this.sending = new SendStream(clock, this.mss, (offset, length) => this.sendData(offset, length));
    this.handshake = new Alarm(clock, () => this.shakeHands());
    this.delayedAck = new Alarm(clock, () => this.acknowledge());
    if (this.isClient) this.shakeHands();
  }

  write(bytes: number): void {
    this.sending.write(bytes);
  }

  /** Falls silent for good. */
  abandon(): void {
    this.isAbandoned = true;
    this.sending.abandon();
    this.handshake.cancel();
    this.delayedAck.cancel();
  }

  receive(segment: SegmentReader): void {
    const { flags, acknowledgment, window } = segment.tcp;
    if (this.isAbandoned) return;
    if ((flags & SYN) !== 0) {
      this.onSyn(segment);
      return;
    }
    if (!this.isOpen) {
      if (this.isClient) return;
      this.open(segment, window << WINDOW_SCALE);
    }
    const { sending } = this;
    const ack = sending.una + serialDiff(acknowledgment, this.sequenceOf(sending.una));
    const rttMicros = serialDiff(this.stamp(), segment.echo);
    // Data first: what the application writes in answer acknowledges it, too.
    if (segment.payloadLength > 0) this.takeData(segment);
    sending.acknowledge(ack, window << WINDOW_SCALE, rttMicros, segment.payloadLength === 0);
  }

  private onSyn(segment: SegmentReader): void {
    const { flags, sequence, window } = segment.tcp;
    this.remoteIsn = sequence;
    this.recentStamp = segment.stamp;
    if (!this.isClient) {
      if (!this.isOpen) this.shakeHands();
      return;
    }
    if ((flags & ACK) === 0) return;
    if (!this.isOpen) this.open(segment, window);
    this.acknowledge();
  }

  private open(segment: SegmentReader, peerWindow: number): void {
    this.isOpen = true;
    this.handshake.cancel();
    this.sending.rtt.sample(serialDiff(this.stamp(), segment.echo));
    this.sending.open(peerWindow);
    this.onOpen();
  }

  private shakeHands(): void {
    this.handshake.set(this.clock.nowMicros + INITIAL_RTO_MICROS * 2 ** this.handshakeAttempts++);
    this.send(this.isClient ? SYN : SYN | ACK, this.localIsn, 0, 0);
  }

  private takeData(segment: SegmentReader): void {
    const { receiving } = this;
    const offset = receiving.next + serialDiff(segment.tcp.sequence, this.expectedSequence());
    if (!segment.isPayloadRight(offset)) throw new Error(`bytes from ${offset} on are not what was sent`);
    if (offset <= this.lastAcked) this.recentStamp = segment.stamp;
    const grown = receiving.take(offset, segment.payloadLength);
    this.unackedSegments++;
    const isUrgent = grown !== segment.payloadLength || receiving.hasGap;
    if (grown > 0) this.onData(grown);
    // The application's answer may have taken the acknowledgement along.
    if (this.unackedSegments === 0) return;
    if (isUrgent || this.unackedSegments >= ACK_SEGMENTS) this.acknowledge();
    else this.delayedAck.setEarlier(this.clock.nowMicros + ACK_DELAY_MICROS);
  }

  private sendData(offset: number, length: number): void {
    this.send(ACK | PUSH, this.sequenceOf(offset), offset, length);
  }

  private acknowledge(): void {
    const { una } = this.sending;
    this.send(ACK, this.sequenceOf(una), una, 0);
  }

  private send(flags: number, sequence: number, payloadOffset: number, payloadLength: number): void {
    const isSyn = (flags & SYN) !== 0;
    const acknowledgment = (flags & ACK) === 0 ? 0 : this.expectedSequence();
    const window = Math.min(0xffff, isSyn ? this.bufferBytes : this.bufferBytes >>> WINDOW_SCALE);
    const stamp = this.stamp();
    const segment = {
      flags,
      sequence,
      acknowledgment,
      window,
      stamp,
      echo: this.recentStamp,
      payloadOffset,
      payloadLength,
    };
    this.lastAcked = this.receiving.next;
    this.unackedSegments = 0;
    this.delayedAck.cancel();
    this.out(encodeSegment(this.local, this.remote, segment, this.mss));
  }

  /** The sequence number of a byte of our stream. */
  private sequenceOf(offset: number): number {
    return (this.localIsn + 1 + offset) >>> 0;
  }

  /** The sequence number we wait for. */
  private expectedSequence(): number {
    return (this.remoteIsn + 1 + this.receiving.next) >>> 0;
  }

  private stamp(): number {
    return Math.round(this.clock.nowMicros) >>> 0;
  }
}

// A host that sends: a queue a flow, taken in turn, each as far as its connection's window and what the receivers' switches
// asked of it let it go. What obeys is the switch's own (`vswitch/pauses/throttle.ts`).

import { FlowThrottle } from '../../src/vswitch/pauses/throttle.ts';
import { Alarm } from '../alarm.ts';
import type { Clock } from '../clock.ts';
import { Link } from './link.ts';
import { type FlowSetup, PACKET_BYTES, type Packet, type PauseWorldOptions } from './packet.ts';

interface Sending {
  readonly flow: number;
  readonly setup: FlowSetup;
  inFlightBytes: number;
  sentBytes: number;
  isParked: boolean;
}

export class SendingHost {
  readonly link: Link<Packet>;
  readonly throttle: FlowThrottle;
  private readonly clock: Clock;
  private readonly options: PauseWorldOptions;
  private readonly sendings: Sending[] = [];
  private readonly alarm: Alarm;
  private next = 0;

  constructor(clock: Clock, options: PauseWorldOptions, arrive: (packet: Packet) => void) {
    this.clock = clock;
    this.options = options;
    const { linkBytesPerSecond, hopMicros } = options;
    this.link = new Link(clock, linkBytesPerSecond, hopMicros, () => this.take(), arrive);
    const wake = (flow: number) => this.wake(flow);
    this.throttle = new FlowThrottle(clock.nowMicros, { wake, released: wake, forgotten() {} });
    this.alarm = new Alarm(clock, () => this.throttle.advance(this.advanced()));
  }

  add(flow: number, setup: FlowSetup): void {
    this.sendings.push({ flow, setup, inFlightBytes: 0, sentBytes: 0, isParked: false });
    this.offer(setup);
  }

  /** A pause frame arrived. */
  obey(flow: number, sequence: number, pauseMicros: number, rateBytesPerSecond: number): void {
    this.throttle.obey(this.clock.nowMicros, flow, sequence, pauseMicros, rateBytesPerSecond);
    this.watch();
  }

  acknowledged(flow: number, bytes: number): void {
    this.sendings.find((sending) => sending.flow === flow)!.inFlightBytes -= bytes;
    this.link.kick();
  }

  /** Something new to send, again and again. */
  private offer(setup: FlowSetup): void {
    this.link.kick();
    if (setup.offeredBytesPerSecond === Number.POSITIVE_INFINITY) return;
    this.clock.after((PACKET_BYTES / setup.offeredBytesPerSecond) * 1e6, () => this.offer(setup));
  }

  private take(): Packet | undefined {
    const now = this.clock.nowMicros;
    for (let tried = 0; tried < this.sendings.length; tried++) {
      const sending = this.sendings[this.next]!;
      this.next = (this.next + 1) % this.sendings.length;
      if (!this.maySend(now, sending)) continue;
      sending.inFlightBytes += PACKET_BYTES;
      sending.sentBytes += PACKET_BYTES;
      this.throttle.sent(now, sending.flow, PACKET_BYTES);
      const { from, to } = sending.setup;
      return { flow: sending.flow, from, to, bytes: PACKET_BYTES };
    }
    return undefined;
  }

  private maySend(now: number, sending: Sending): boolean {
    const { flow, setup } = sending;
    const offered = (setup.offeredBytesPerSecond * now) / 1e6;
    if (sending.sentBytes + PACKET_BYTES > offered) return false;
    if (sending.inFlightBytes + PACKET_BYTES > this.options.windowBytes) return false;
    if (sending.isParked) return false;
    if (this.throttle.readyAt(now, flow) <= now) return true;
    sending.isParked = true;
    this.throttle.park(now, flow);
    this.watch();
    return false;
  }

  private wake(flow: number): void {
    const sending = this.sendings.find((each) => each.flow === flow);
    if (sending !== undefined) sending.isParked = false;
  }

  private advanced(): number {
    // What is woken by this goes out behind it.
    this.clock.after(0, () => {
      this.link.kick();
      this.watch();
    });
    return this.clock.nowMicros;
  }

  private watch(): void {
    this.alarm.set(this.throttle.nextTimeout());
  }
}

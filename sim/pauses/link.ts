// One direction of a link: sends what its source gives it, one packet after the other at its rate, and can be paused by
// the other end (IEEE 802.1Qbb), which takes effect behind the packet that is on its way out.

import type { Clock } from '../clock.ts';
import { Conveyor } from '../conveyor.ts';
import type { Parcel } from './packet.ts';

export class Link<P extends Parcel> {
  private readonly clock: Clock;
  private readonly bytesPerMicro: number;
  private readonly delayMicros: number;
  private readonly source: () => P | undefined;
  private readonly wire: Conveyor<P>;
  private isBusy = false;
  private isPaused = false;

  constructor(
    clock: Clock,
    bytesPerSecond: number,
    delayMicros: number,
    source: () => P | undefined,
    arrive: (packet: P) => void,
  ) {
    this.clock = clock;
    this.bytesPerMicro = bytesPerSecond / 1e6;
    this.delayMicros = delayMicros;
    this.source = source;
    this.wire = new Conveyor(clock, arrive);
  }

  /** The source may have something. */
  readonly kick = (): void => {
    if (this.isBusy || this.isPaused) return;
    const packet = this.source();
    if (packet === undefined) return;
    this.isBusy = true;
    const doneAt = this.clock.nowMicros + packet.bytes / this.bytesPerMicro;
    this.wire.push(doneAt + this.delayMicros, packet);
    this.clock.at(doneAt, this.done);
  };

  /** The other end's pause frame arrived, or the one that ends it. */
  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    if (!isPaused) this.kick();
  }

  private readonly done = (): void => {
    this.isBusy = false;
    this.kick();
  };
}

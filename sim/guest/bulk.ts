// A transfer as large as the time allows, as iperf3's: the sender always has more, the receiver counts.

import type { Clock } from '../clock.ts';
import type { Connection } from './connection.ts';
import type { Guest } from './guest.ts';

const BULK_PORT = 5201;
/** What the sender keeps ready, at least; more than any window. */
const READY_BYTES = 64 << 20;

export class Bulk {
  readonly connection: Connection;
  receivedBytes = 0;
  private readonly clock: Clock;
  private readonly startMicros: number;

  constructor(clock: Clock, from: Guest, to: Guest) {
    this.clock = clock;
    this.startMicros = clock.nowMicros;
    to.listen(BULK_PORT, (connection) => {
      connection.onData = (bytes) => {
        this.receivedBytes += bytes;
        this.keepReady();
      };
    });
    this.connection = from.connect(to.place, BULK_PORT);
    this.keepReady();
  }

  /** Of payload, since the beginning. */
  get bitsPerSecond(): number {
    return (this.receivedBytes * 8e6) / (this.clock.nowMicros - this.startMicros);
  }

  private keepReady(): void {
    const { una, written } = this.connection.sending;
    if (written - una < READY_BYTES) this.connection.write(READY_BYTES);
  }
}

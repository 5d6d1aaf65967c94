// Changes of the fast table's states as packets (ZooRoute §5.2): many records each, so that a fault that touches every destination
// costs few packets, and the packet path writes them where it finds them, without a system call for each. They go from the
// process to its own packet path, and by no network.

import { allocateBytes, type Bytes } from '../../base/bytes.ts';
import type { Ipv6Address } from '../../wire/address.ts';
import {
  markLast,
  UPDATE_RECORD_BYTES,
  writeUpdateRecord,
  writeZooRouteHeader,
  ZOOROUTE_HEADER_BYTES,
  ZOOROUTE_UPDATE,
} from '../../wire/zooroute.ts';

const NOBODY: Ipv6Address = [0, 0, 0, 0];

export class UpdateBatch {
  /** Records that a packet has room for. */
  readonly recordsPerPacket: number;
  private readonly bytes: Bytes;
  private readonly send: (bytes: Bytes, length: number) => void;
  private records = 0;
  private sequence = 0;

  /** `send` gets packets of up to `packetBytes`, which it must not keep. */
  constructor(packetBytes: number, send: (bytes: Bytes, length: number) => void) {
    this.recordsPerPacket = Math.floor((packetBytes - ZOOROUTE_HEADER_BYTES) / UPDATE_RECORD_BYTES);
    this.bytes = allocateBytes(ZOOROUTE_HEADER_BYTES + this.recordsPerPacket * UPDATE_RECORD_BYTES);
    this.send = send;
  }

  /** A change as `FastTable.drain` tells it. */
  store(element: number, low: number, high: number): void {
    if (this.records === this.recordsPerPacket) this.flush(false);
    const at = ZOOROUTE_HEADER_BYTES + this.records * UPDATE_RECORD_BYTES;
    writeUpdateRecord(this.bytes.view, at, element, low, high);
    this.records++;
  }

  /** Nothing more changes for now: the last packet of the batch. */
  end(): void {
    if (this.records > 0) this.flush(true);
  }

  private flush(isLast: boolean): void {
    const { view } = this.bytes;
    const length = ZOOROUTE_HEADER_BYTES + this.records * UPDATE_RECORD_BYTES;
    writeZooRouteHeader(view, 0, ZOOROUTE_UPDATE, 0, 0, length, this.sequence, NOBODY, 0);
    this.sequence = (this.sequence + 1) >>> 0;
    if (isLast) markLast(view, 0);
    this.records = 0;
    this.send(this.bytes, length);
  }
}

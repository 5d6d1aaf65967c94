// A window that never changes: 512 packets cover the bandwidth-delay product of the longest round trip in the
// paper's cloud (BIFROST §7.4).

import type { CongestionController } from './controller.ts';

export const DEFAULT_WINDOW_PACKETS = 512;
export const MAX_WINDOW_PACKETS = 4096;

/** `packetBytes` is the largest payload of one packet. */
export function constantWindow(packets: number, packetBytes: number): CongestionController {
  const cwnd = packets * packetBytes;
  return {
    onAck() {},
    onLoss() {},
    onTimeout() {},
    cwndBytes: () => cwnd,
    pacingBytesPerSecond: () => Number.POSITIVE_INFINITY,
  };
}

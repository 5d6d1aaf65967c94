// A window that never changes: 512 packets cover the bandwidth-delay product of the longest round trip in the
// paper's cloud (BIFROST §7.4). And none at all: what the connection may keep unacknowledged is then the only bound.

import { CC_CONSTANT_WINDOW, CC_NONE } from '../wire/bifrost-types.ts';
import type { CongestionAlgorithm, CongestionController } from './controller.ts';

export const DEFAULT_WINDOW_PACKETS = 512;
export const MAX_WINDOW_PACKETS = 4096;

/** `packetBytes` is the largest payload of one packet. */
export function constantWindow(packets: number, packetBytes: number): CongestionAlgorithm {
  return algorithm('constant', CC_CONSTANT_WINDOW, packets * packetBytes);
}

export function noControl(): CongestionAlgorithm {
  return algorithm('none', CC_NONE, Number.POSITIVE_INFINITY);
}

function algorithm(name: string, ccType: number, cwnd: number): CongestionAlgorithm {
  const controller: CongestionController = {
    onAck() {},
    onLoss() {},
    onTimeout() {},
    cwndBytes: () => cwnd,
    pacingBytesPerSecond: () => Number.POSITIVE_INFINITY,
  };
  return { name, ccType, create: () => controller };
}

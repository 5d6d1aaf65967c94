// What became of the packets of one direction, from its first arrival to its last departure.
import type { Direction } from './model/direction.ts';
import type { DirectionReport } from './spec.ts';

/** `missedPackets` never reached the model. */
export function reportOf(direction: Direction, missedPackets: number): DirectionReport {
  const { counters, delays, firstArrivalMicros, lastSentMicros } = direction;
  const seconds = counters.sent === 0 ? 0 : (lastSentMicros - firstArrivalMicros) / 1e6;
  const perSecond = (bytes: number) => (seconds === 0 ? 0 : Math.round((bytes * 8) / seconds));
  const capacityBytes = direction.capacityOfferedBytes;
  return {
    arrivedPackets: counters.arrived,
    deliveredPackets: counters.delivered,
    droppedPackets: counters.dropped,
    lostPackets: counters.lost,
    markedPackets: counters.marked,
    missedPackets,
    seconds: Number(seconds.toFixed(6)),
    throughputBitsPerSecond: perSecond(counters.sentBytes - counters.lostBytes),
    ...(Number.isFinite(capacityBytes) && { capacityBitsPerSecond: perSecond(capacityBytes) }),
    queueingDelayMillis: {
      median: delays.percentileMicros(0.5) / 1000,
      p95: delays.percentileMicros(0.95) / 1000,
      max: delays.maxMicros / 1000,
    },
  };
}

// Why the switch drops, and what it counts. Every frame and packet that comes in goes out, waits, or is counted here
// under one reason, so that at any time between turns:
//
//   framesIn + floodCopies + pieces + returned = toTransport + toPlain + answered + toLocal + queued + dropped (frames)
//   packetsIn + packetCopies = transportPacketsIn + plainPacketsIn + handedOver + dropped (packets, but for notForUs)
//   plainPacketsIn + plainCopies = fromPlain + notForUs
//   toLocal + answered + fromPlain + framesDelivered (the transport's) + fromThreads + cutFrames
//     = framesOut + waiting + dropped (deliveries)

/**
 * Frames from vNICs. `queueFull`: their flow had its share of the memory, or many wait for a handshake; `noRing`: there was
 * no queue to be had, for too many flows wait; `inputFull`: all vNICs have one queue, where that is configured.
 */
export const FRAME_DROP_REASONS = [
  'malformedFrame',
  'spoofedMac',
  'spoofedAddress',
  'nestedTag',
  'unknownDestination',
  'queueFull',
  'noRing',
  'inputFull',
  'noMemory',
  'tooLong',
  'interruptedFrames',
] as const;

/**
 * Packets from the underlay. `routeProbe`: a host looks for its routes to us, and its TTL was enough to get here.
 * `handoverFull`: the thread that a packet is for had no room for it.
 */
export const PACKET_DROP_REASONS = [
  'unknownVtep',
  'malformedPacket',
  'routeProbe',
  'unknownVni',
  'notForUs',
  'handoverFull',
  'interruptedPackets',
] as const;

/**
 * Frames for vNICs: one that takes none while their flow has its share of the memory, or no queue is to be had; an endpoint,
 * for which an offload frame cannot be cut, as it is not what it says, or as there is no memory; one whose rules accept no
 * such frame, one whose rate is used up (BIFROST §7.1).
 */
export const DELIVERY_DROP_REASONS = [
  'vnicFull',
  'noReceiveRing',
  'badOffload',
  'noCutMemory',
  'interruptedDeliveries',
  'notAccepted',
  'overRate',
] as const;

export type FrameDropReason = (typeof FRAME_DROP_REASONS)[number];
export type DeliveryDropReason = (typeof DELIVERY_DROP_REASONS)[number];
export type DropReason = FrameDropReason | (typeof PACKET_DROP_REASONS)[number] | DeliveryDropReason;

const DROP_REASONS: readonly DropReason[] = [
  ...FRAME_DROP_REASONS,
  ...PACKET_DROP_REASONS,
  ...DELIVERY_DROP_REASONS,
];

export interface SwitchCounters {
  /** Frames from vNICs. */
  framesIn: number;
  /** What became of them: handed to the transport, sent as plain VXLAN, answered here, to a local vNIC. */
  toTransport: number;
  toPlain: number;
  answered: number;
  toLocal: number;
  /** Frames flooded, and how many more copies that made. */
  flooded: number;
  floodCopies: number;
  /** How many more frames there were after offload frames were cut for networks without reordering. */
  pieces: number;
  /** How many more frames there were after offload frames were cut for endpoints. */
  cutFrames: number;
  /** Frames that the transport gave back, to be sent as plain VXLAN. */
  returned: number;
  /** Underlay packets, and of them: for the transport, plain frames. */
  packetsIn: number;
  transportPacketsIn: number;
  plainPacketsIn: number;
  /** Packets for other threads, and how many more copies that made. */
  handedOver: number;
  packetCopies: number;
  /** More copies than plain packets, where one went to several vNICs; all copies. */
  plainCopies: number;
  fromPlain: number;
  /** Frames that other threads had for vNICs of this one. */
  fromThreads: number;
  readonly dropped: Record<DropReason, number>;
}

export function newSwitchCounters(): SwitchCounters {
  return {
    framesIn: 0,
    toTransport: 0,
    toPlain: 0,
    answered: 0,
    toLocal: 0,
    flooded: 0,
    floodCopies: 0,
    pieces: 0,
    cutFrames: 0,
    returned: 0,
    packetsIn: 0,
    transportPacketsIn: 0,
    plainPacketsIn: 0,
    handedOver: 0,
    packetCopies: 0,
    plainCopies: 0,
    fromPlain: 0,
    fromThreads: 0,
    dropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>,
  };
}

/** Where things are besides the counters of the switch. */
export interface Whereabouts {
  readonly framesQueued: number;
  readonly framesWaiting: number;
  readonly framesOut: number;
  /** The transport's. */
  readonly framesDelivered: number;
}

/**
 * After a turn that threw: what the books lack, it had in its hands. Some of that may have gone out all the same, for
 * nobody has said so. When nothing is lacking, nothing is counted.
 */
export function countInterrupted(counters: SwitchCounters, where: Whereabouts): void {
  const { dropped } = counters;
  const sum = (reasons: readonly DropReason[]) =>
    reasons.reduce((total, reason) => total + dropped[reason], 0);
  const framesIn = counters.framesIn + counters.floodCopies + counters.pieces + counters.returned;
  const sent = counters.toTransport + counters.toPlain + counters.answered + counters.toLocal;
  dropped.interruptedFrames += framesIn - sent - where.framesQueued - sum(FRAME_DROP_REASONS);
  const packetsIn = counters.packetsIn + counters.packetCopies;
  const taken = counters.transportPacketsIn + counters.plainPacketsIn + counters.handedOver;
  dropped.interruptedPackets += packetsIn - taken + dropped.notForUs - sum(PACKET_DROP_REASONS);
  const { toLocal, answered, fromPlain, fromThreads, cutFrames } = counters;
  const deliveries = toLocal + answered + fromPlain + where.framesDelivered + fromThreads + cutFrames;
  dropped.interruptedDeliveries +=
    deliveries - where.framesOut - where.framesWaiting - sum(DELIVERY_DROP_REASONS);
}

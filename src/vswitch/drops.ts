// Why the switch drops, and what it counts. Every frame and packet that comes in goes out, waits, or is counted here
// under one reason, so that at any time between turns:
//
//   framesIn + floodCopies + pieces + returned = toTransport + toPlain + answered + toLocal + queued + dropped (frames)
//   packetsIn + packetCopies = transportPacketsIn + plainPacketsIn + handedOver + dropped (packets, but for notForUs)
//   plainPacketsIn + plainCopies = fromPlain + notForUs
//   toLocal + answered + fromPlain + framesDelivered (the transport's) = framesOut + waiting + vnicFull

/** Frames from vNICs. */
export const FRAME_DROP_REASONS = [
  'malformedFrame',
  'spoofedMac',
  'spoofedAddress',
  'nestedTag',
  'unknownDestination',
  'queueFull',
  'noMemory',
  'tooLong',
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
] as const;

export type FrameDropReason = (typeof FRAME_DROP_REASONS)[number];
/** `vnicFull`: frames for a vNIC that takes none, and whose backlog is full. */
export type DropReason = FrameDropReason | (typeof PACKET_DROP_REASONS)[number] | 'vnicFull';

const DROP_REASONS: readonly DropReason[] = [...FRAME_DROP_REASONS, ...PACKET_DROP_REASONS, 'vnicFull'];

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
    returned: 0,
    packetsIn: 0,
    transportPacketsIn: 0,
    plainPacketsIn: 0,
    handedOver: 0,
    packetCopies: 0,
    plainCopies: 0,
    fromPlain: 0,
    dropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>,
  };
}

// Why the switch drops. Every frame and packet that comes in goes out, waits, or is counted here under one reason:
// in = out + dropped(reason) + queued.

export const DROP_REASONS = [
  'malformedFrame',
  'spoofedMac',
  'spoofedAddress',
  'unknownDestination',
  'queueFull',
  'noMemory',
  'tooLong',
  'vnicFull',
  'unknownVtep',
  'malformedPacket',
  'unknownVni',
  'notForUs',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

export interface SwitchCounters {
  /** Frames from vNICs, and to them. */
  framesIn: number;
  framesOut: number;
  /** Of the frames from vNICs: handed to the transport, sent as plain VXLAN, answered here, to a local vNIC. */
  toTransport: number;
  toPlain: number;
  answered: number;
  toLocal: number;
  flooded: number;
  /** Underlay packets, and of them: for the transport, plain frames. */
  packetsIn: number;
  transportPacketsIn: number;
  plainPacketsIn: number;
  readonly dropped: Record<DropReason, number>;
}

export function newSwitchCounters(): SwitchCounters {
  return {
    framesIn: 0,
    framesOut: 0,
    toTransport: 0,
    toPlain: 0,
    answered: 0,
    toLocal: 0,
    flooded: 0,
    packetsIn: 0,
    transportPacketsIn: 0,
    plainPacketsIn: 0,
    dropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>,
  };
}

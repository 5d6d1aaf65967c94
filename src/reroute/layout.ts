// Where things lie in the maps that rerouting's programs share with us: bpf/reroute-table.h, bpf/reroute-shared.h.

/** Changes with the meaning of anything below, so that nobody takes over what he would misread. */
export const LAYOUT = 1;

export const MAPS = {
  settings: 'reroute_settings',
  paths: 'reroute_paths',
  states: 'reroute_states',
  activity: 'reroute_activity',
  front: 'reroute_front',
  newcomers: 'reroute_newcomers',
  heard: 'reroute_heard',
  buckets: 'reroute_buckets',
  flows: 'reroute_flows',
} as const;
export type MapName = keyof typeof MAPS;

export const PROGRAMS = {
  egress: 'reroute_egress',
  ingress: 'reroute_ingress',
  updates: 'reroute_updates',
} as const;

export const MAX_LOCALS = 8;
export const MAX_DEVICES = 8;
export const HEARD_BYTES = 1 << 19;
export const FLAG_LEARNS = 1;

export const settings = {
  portAt: 0,
  flagsAt: 2,
  localsAt: 4,
  heartbeatAt: 8,
  limitAt: 16,
  localAt: 32,
  layoutAt: 160,
  halfAt: 164,
  /** Of a captured packet: from peers, from strangers; of a destination told of. */
  costsAt: 168,
  burstAt: 192,
  countsAt: 200,
  hooksAt: 264,
  ownerAt: 296,
  bytes: 304,
} as const;

/** What the programs count. */
export const KERNEL_COUNTS = [
  'captured',
  'noRoom',
  'tooManyOfPeers',
  'tooManyOfStrangers',
  'tooLong',
  'notWritten',
  'updates',
  'badUpdates',
] as const;
export type KernelCount = (typeof KERNEL_COUNTS)[number];

export const ADDRESS_BYTES = 16;
export const entry = { unitAt: 0, formAt: 4, homesAt: 5, baseAt: 6, bytes: 8 } as const;
/** In 32-bit words. */
export const activity = { usedLow: 0, usedHigh: 1, lastTick: 2, device: 3, words: 4 } as const;

/** Lines of the front, in bytes. */
export const front = { bits: 8, entryAt: 0, addressAt: 8, activityAt: 24, bytes: 64 } as const;

export const HEARD_PACKET = 0;
export const HEARD_DESTINATION = 1;
export const heard = {
  kindAt: 0,
  lengthAt: 4,
  nanosAt: 8,
  sourceAt: 16,
  destinationAt: 32,
  sourcePortAt: 48,
  hopsAt: 52,
  payloadAt: 56,
} as const;

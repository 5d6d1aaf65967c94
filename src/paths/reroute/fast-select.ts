// How a packet's outer source port is chosen from the fast table: the definition that bpf/reroute.bpf.c repeats, held to
// it by a differential test. The port that the kernel gave the packet is its hash of the inner flow, and all that is
// looked at: one flow, one choice, until the state of that port changes.
//
// An entry (the static part, destination → entry) says the form, the base port, how many ports flows are at home on
// (32 or 64), and where the state lies: an index in units of 4 bytes into the states array, whose elements have 8. Bytes
// are numbered as in memory. Port i is `basePort + i`. With h the mixed port and home = h mod homes:
//
// - FORM_BITMAP (ZooRoute §5.1, priority-based bitmap matching), 8 bytes: bit i & 7 of byte i >> 3 says that port i may be used.
//   Home, if it may; otherwise the first that may, circularly, from (h >>> 8) mod 64, or mod 32 while ports 32 to 63
//   have no bit. The paper's priority masks, a circular shift a group, select the same way; a second start, where the
//   home port is bad, spreads its flows over all others instead of on its neighbour.
// - FORM_STRIDES (ZooRoute §5.1, hierarchical indexing, M = 8), homes / 8 bytes: the ports i with the same i mod (homes / 8) are a
//   group. Byte 0: all of them work, take home. Otherwise the byte is 1 + the port that all flows of the group take, or
//   UNUSABLE.
// - FORM_GROUPS (ZooRoute §6), `homes` bytes: for each home port 0, which is itself, or 1 + the port in use for it, or UNUSABLE.
//
// A bitmap of 0 and UNUSABLE leave the packet as it is: plain hashing.

export const FORM_BITMAP = 1;
export const FORM_STRIDES = 2;
export const FORM_GROUPS = 3;
export type Form = typeof FORM_BITMAP | typeof FORM_STRIDES | typeof FORM_GROUPS;

export const MAX_PORTS = 64;
/** M: ports that share an index of FORM_STRIDES. */
export const STRIDE_MEMBERS = 8;
export const UNUSABLE = 0xff;
/** Of one unit of the states array, and of one element. */
export const UNIT_BYTES = 4;
export const ELEMENT_BYTES = 8;

export interface FastEntry {
  readonly form: Form;
  readonly basePort: number;
  /** 32 or 64. */
  readonly homes: number;
  /** Where its state begins in the states array, in units of 4 bytes; even for bitmaps and groups. */
  readonly unit: number;
}

/** The finish of MurmurHash3: every bit of the port moves every bit. */
export function mixPort(port: number): number {
  let hash = port;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The port, 0 to 63, that flows with this port of the kernel's are at home on. */
export function homeOf(kernelPort: number, homes: number): number {
  return mixPort(kernelPort) & (homes - 1);
}

/** Bytes of an entry's state. */
export function stateBytes(form: Form, homes: number): number {
  switch (form) {
    case FORM_BITMAP:
      return 8;
    case FORM_STRIDES:
      return homes / STRIDE_MEMBERS;
    case FORM_GROUPS:
      return homes;
  }
}

/** The source port for a packet, or 0: leave it as it is. */
export function selectPort(states: Uint8Array, entry: FastEntry, kernelPort: number): number {
  const index = selectIndex(states, entry, mixPort(kernelPort));
  return index < 0 ? 0 : entry.basePort + index;
}

function selectIndex(states: Uint8Array, { form, homes, unit }: FastEntry, hash: number): number {
  const at = unit * UNIT_BYTES;
  const home = hash & (homes - 1);
  if (form === FORM_BITMAP) return matchBitmap(states, at, home, hash);
  const byte = states[at + (form === FORM_STRIDES ? home & (homes / STRIDE_MEMBERS - 1) : home)]!;
  if (byte === 0) return home;
  return byte > MAX_PORTS ? -1 : byte - 1;
}

function matchBitmap(states: Uint8Array, at: number, home: number, hash: number): number {
  const low = word(states, at);
  const high = word(states, at + 4);
  if ((((home < 32 ? low : high) >>> (home & 31)) & 1) === 1) return home;
  const start = hash >>> 8;
  if (high === 0) return low === 0 ? -1 : firstFrom(low, low, start & 31) & 31;
  // The circle of 64 as seen from the start's half: this word's bits from the start on, the other's, this one's again.
  const inHigh = (start & 32) !== 0;
  const here = inHigh ? high : low;
  const there = inHigh ? low : high;
  return (firstFrom(here, there, start & 31) + (inHigh ? 32 : 0)) & 63;
}

/** Steps from bit 0 of `here` to the first bit set, from bit `start` on, then in `there`, then in `here` again. */
function firstFrom(here: number, there: number, start: number): number {
  const rest = (here >>> start) << start;
  if (rest !== 0) return lowestBit(rest);
  if (there !== 0) return 32 + lowestBit(there);
  return 64 + lowestBit(here);
}

function lowestBit(value: number): number {
  return 31 - Math.clz32(value & -value);
}

function word(states: Uint8Array, at: number): number {
  return states[at]! | (states[at + 1]! << 8) | (states[at + 2]! << 16) | (states[at + 3]! << 24);
}

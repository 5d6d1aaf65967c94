// The overlay pause frame (OPF), 24 bytes and the flow's addresses: what the switch of a slow receiver asks of the
// sender's (Backdraft §4.3). The paper names its three fields, flow, pause time and rate, and no layout; this is ours:
//
//   Pkt Type 8 | Version 4 | CC Type 4 | Key Type 4 | VLAN ID 12
//   Sequence 32 | Destination CID 32
//   Pause 16 | Protocol 8 | Reserved 8
//   Rate 32 | Native flow ID 32
//   Key Type 4:   source address 32, destination address 32, source port 16, destination port 16
//   Key Type 6:   source address 128, destination address 128, source port 16, destination port 16
//   Key Type 0:   source MAC 48, destination MAC 48, EtherType 16, Reserved 16
//
// - A packet type of its own rather than bits of an acknowledgement: it is about a flow, and acknowledgements are about
//   connections, which many flows share. Destination CID stands where all headers have it (it picks the data thread).
// - The key is that of the frames which are too many, as flow-key.ts makes it: its source is the end that is to
//   pause. Key types are that file's families. The flows of a native endpoint have a number of their own on top, which
//   tells apart what has one 5-tuple; 0 means none.
// - Sequence: microseconds of the clock of whoever asks, modulo 2^32. Of two frames for a flow the newer counts, on
//   whatever paths they came. A clock needs no state, survives a restart, and shows a sequence that nobody can have
//   reached yet. (Half its range is 35 minutes; what a frame asks for lasts less than a second.)
// - Pause: microseconds from its arrival on. Sixteen bits hold six times the longest that is obeyed.
// - Rate: what may be sent after the pause, in units of 1000 bits a second, rounded up: 32 bits hold 4 Tbit/s, and a byte a
//   second would end at 34 Gbit/s. All ones: as fast as one likes. So a release is a pause of 0 and a rate of all ones.
// - Version is the connection's, CC Type as in all headers. Reserved bits are sent as zero and ignored.

import type { Bytes } from '../base/bytes.ts';
import {
  BIFROST_VERSION,
  CC_CONSTANT_WINDOW,
  checkCommon,
  PACKET_PAUSE,
  readCcType,
  writeFirstWord,
} from './bifrost-types.ts';
import { FLOW_KEY_WORDS } from './flow-key.ts';
import { NETWORK_IPV4, NETWORK_IPV6, NETWORK_OTHER } from './frame.ts';
import type { WireReject } from './reject.ts';

export const PAUSE_HEADER_BYTES = 24;
/** With the largest key. */
export const PAUSE_MAX_BYTES = PAUSE_HEADER_BYTES + 36;
export const MAX_PAUSE_FIELD = 0xffff;
/** A flow's key here: the ten words of flow-key.ts, and its native flow ID. */
export const PAUSE_KEY_WORDS = FLOW_KEY_WORDS + 1;

const BYTES_PER_SECOND = 125;
const NO_LIMIT = 0xffff_ffff;
const VLAN_MASK = 0xfff;
const NATIVE_WORD = FLOW_KEY_WORDS;

const KEY_TYPE = 2;
const SEQUENCE = 4;
const CID = 8;
const PAUSE = 12;
const PROTOCOL = 14;
const RATE = 16;
const NATIVE_FLOW = 20;
const KEY = PAUSE_HEADER_BYTES;

/** Bytes of a key of this type; -1: there is no such type. */
function keyBytes(keyType: number): number {
  switch (keyType) {
    case NETWORK_IPV4:
      return 12;
    case NETWORK_IPV6:
      return 36;
    case NETWORK_OTHER:
      return 16;
    default:
      return -1;
  }
}

function keyTypeAt(view: DataView, at: number): number {
  return view.getUint8(at + KEY_TYPE) >> 4;
}

export function checkPause(view: DataView, at: number, length: number): WireReject | undefined {
  const reject = checkCommon(view, at, length, PAUSE_HEADER_BYTES);
  if (reject !== undefined) return reject;
  if (view.getUint8(at) !== PACKET_PAUSE) return 'bad-type';
  const keyType = keyTypeAt(view, at);
  const bytes = keyBytes(keyType);
  if (bytes < 0) return 'bad-type';
  if (length < PAUSE_HEADER_BYTES + bytes) return 'too-short';
  return view.getUint32(at + CID) === 0 ? 'bad-field' : undefined;
}

export class PauseView {
  private view!: DataView;
  private at = 0;

  aim(bytes: Bytes, at: number, length: number): boolean {
    if (checkPause(bytes.view, at, length) !== undefined) return false;
    this.view = bytes.view;
    this.at = at;
    return true;
  }

  get ccType(): number {
    return readCcType(this.view, this.at);
  }
  get sequence(): number {
    return this.view.getUint32(this.at + SEQUENCE);
  }
  get destinationCid(): number {
    return this.view.getUint32(this.at + CID);
  }
  get pauseMicros(): number {
    return this.view.getUint16(this.at + PAUSE);
  }
  /** Infinity: as fast as one likes. */
  get rateBytesPerSecond(): number {
    const rate = this.view.getUint32(this.at + RATE);
    return rate === NO_LIMIT ? Number.POSITIVE_INFINITY : rate * BYTES_PER_SECOND;
  }

  /** Writes the PAUSE_KEY_WORDS words of the flow's key. */
  readKey(key: Uint32Array, keyAt: number): void {
    const { view } = this;
    const from = this.at + KEY;
    const type = keyTypeAt(view, this.at);
    for (let i = 0; i < 8; i++) key[keyAt + i] = 0;
    if (type === NETWORK_IPV4) {
      key[keyAt] = view.getUint32(from);
      key[keyAt + 4] = view.getUint32(from + 4);
      key[keyAt + 8] = view.getUint32(from + 8);
    } else if (type === NETWORK_IPV6) {
      for (let i = 0; i < 9; i++) key[keyAt + i] = view.getUint32(from + 4 * i);
    } else {
      key[keyAt] = view.getUint16(from);
      key[keyAt + 1] = view.getUint32(from + 2);
      key[keyAt + 4] = view.getUint16(from + 6);
      key[keyAt + 5] = view.getUint32(from + 8);
      key[keyAt + 8] = view.getUint16(from + 12);
    }
    const vlanId = view.getUint16(this.at + KEY_TYPE) & VLAN_MASK;
    key[keyAt + 9] = (type << 24) | (view.getUint8(this.at + PROTOCOL) << 16) | vlanId;
    key[keyAt + NATIVE_WORD] = view.getUint32(this.at + NATIVE_FLOW);
  }
}

/**
 * Writes a frame about the flow whose key is at `keyAt`; the bytes of it, 36 to 60. What is too large for a field is cut to
 * what it holds.
 */
export function writePause(
  view: DataView,
  at: number,
  destinationCid: number,
  sequence: number,
  pauseMicros: number,
  rateBytesPerSecond: number,
  key: Uint32Array,
  keyAt: number,
  ccType = CC_CONSTANT_WINDOW,
  version = BIFROST_VERSION,
): number {
  const tail = key[keyAt + 9]!;
  const type = tail >>> 24;
  writeFirstWord(view, at, PACKET_PAUSE, version, ccType, (type << 12) | (tail & VLAN_MASK));
  view.setUint32(at + SEQUENCE, sequence);
  view.setUint32(at + CID, destinationCid);
  view.setUint32(at + PAUSE, (Math.min(pauseMicros, MAX_PAUSE_FIELD) << 16) | ((tail >>> 8) & 0xff00));
  view.setUint32(at + RATE, Math.min(Math.ceil(rateBytesPerSecond / BYTES_PER_SECOND), NO_LIMIT));
  view.setUint32(at + NATIVE_FLOW, key[keyAt + NATIVE_WORD]!);
  writeKey(view, at + KEY, type, key, keyAt);
  return PAUSE_HEADER_BYTES + keyBytes(type);
}

function writeKey(view: DataView, to: number, type: number, key: Uint32Array, keyAt: number): void {
  if (type === NETWORK_IPV4) {
    view.setUint32(to, key[keyAt]!);
    view.setUint32(to + 4, key[keyAt + 4]!);
    view.setUint32(to + 8, key[keyAt + 8]!);
  } else if (type === NETWORK_IPV6) {
    for (let i = 0; i < 9; i++) view.setUint32(to + 4 * i, key[keyAt + i]!);
  } else {
    view.setUint16(to, key[keyAt]!);
    view.setUint32(to + 2, key[keyAt + 1]!);
    view.setUint16(to + 6, key[keyAt + 4]!);
    view.setUint32(to + 8, key[keyAt + 5]!);
    view.setUint32(to + 12, key[keyAt + 8]! << 16);
  }
}

export interface PauseRepr {
  readonly ccType: number;
  readonly sequence: number;
  readonly destinationCid: number;
  readonly pauseMicros: number;
  /** Infinity: as fast as one likes. */
  readonly rateBytesPerSecond: number;
  /** PAUSE_KEY_WORDS words. */
  readonly key: Uint32Array;
}

export function parsePause(bytes: Bytes, at: number, length: number): PauseRepr | WireReject {
  const reject = checkPause(bytes.view, at, length);
  if (reject !== undefined) return reject;
  const pause = new PauseView();
  pause.aim(bytes, at, length);
  const { ccType, sequence, destinationCid, pauseMicros, rateBytesPerSecond } = pause;
  const key = new Uint32Array(PAUSE_KEY_WORDS);
  pause.readKey(key, 0);
  return { ccType, sequence, destinationCid, pauseMicros, rateBytesPerSecond, key };
}

/** Returns the number of bytes written. */
export function emitPause(repr: PauseRepr, bytes: Bytes, at: number): number {
  const { ccType, sequence, destinationCid, pauseMicros, rateBytesPerSecond, key } = repr;
  return writePause(
    bytes.view,
    at,
    destinationCid,
    sequence,
    pauseMicros,
    rateBytesPerSecond,
    key,
    0,
    ccType,
  );
}

// A packet of the underlay in one line for people: which kind, and what its header says.

import type { Bytes } from '../base/bytes.ts';
import { formatMac } from '../wire/address.ts';
import { ACK_CUMULATIVE, AckView } from '../wire/bifrost-ack.ts';
import { ConnectHeaderView } from '../wire/bifrost-connect.ts';
import {
  DATA_FIRST,
  DATA_HEADER_BYTES,
  DATA_LAST,
  DATA_RETRANSMITTED,
  DATA_SPECIAL,
  DataHeaderView,
} from '../wire/bifrost-data.ts';
import {
  bifrostPacketType,
  PACKET_ACK,
  PACKET_CLOSE,
  PACKET_CONNECTION_REQUEST,
  PACKET_DATA,
  PACKET_PAUSE,
  PACKET_RESET,
} from '../wire/bifrost-types.ts';
import { formatFlow } from '../wire/flow-text.ts';
import { PAUSE_KEY_WORDS, PauseView } from '../wire/overlay-pause.ts';
import { ROUTE_PROBE_VNI } from '../wire/route-probe.ts';
import { VXLAN_HEADER_BYTES, VxlanView } from '../wire/vxlan.ts';
import { describeFrame, describeVirtioFrame } from './describe-frame.ts';

const vxlan = new VxlanView();
const data = new DataHeaderView();
const ack = new AckView();
const connect = new ConnectHeaderView();
const pause = new PauseView();
const flowKey = new Uint32Array(PAUSE_KEY_WORDS);

/** `at` is where the VXLAN header starts. */
export function describePacket(bytes: Bytes, at: number, length: number): string {
  if (!vxlan.aim(bytes, at, length)) return `not VXLAN, ${length} bytes`;
  const { vni, payloadAt } = vxlan;
  const payloadLength = length - VXLAN_HEADER_BYTES;
  if (vni === ROUTE_PROBE_VNI && !vxlan.carriesBifrost) return 'looks for a route';
  const text = vxlan.carriesBifrost
    ? describeBifrost(bytes, payloadAt, payloadLength)
    : `plain: ${describeFrame(bytes, payloadAt, payloadLength)}`;
  return `vni ${vni} ${text}`;
}

function describeBifrost(bytes: Bytes, at: number, length: number): string {
  const type = bifrostPacketType(bytes.view, at, length);
  if (type === PACKET_DATA && data.aim(bytes, at, length)) return describeData(bytes, at, length);
  if (type === PACKET_ACK && ack.aim(bytes, at, length)) return describeAck();
  if (type === PACKET_PAUSE && pause.aim(bytes, at, length)) return describePause();
  if (type >= PACKET_CONNECTION_REQUEST && connect.aim(bytes, at, length)) return describeConnect();
  return `malformed, type ${type}, ${length} bytes`;
}

function describeData(bytes: Bytes, at: number, length: number): string {
  const { flags, pathId, psn, destinationCid, payloadLength } = data;
  const where = `path ${pathId} cid ${hex(destinationCid)}`;
  if ((flags & DATA_SPECIAL) !== 0) return `probe ${where}`;
  const again = (flags & DATA_RETRANSMITTED) === 0 ? '' : ' again';
  const text = `data psn ${psn}${again} ${where}`;
  const isWhole = (flags & DATA_FIRST) !== 0 && (flags & DATA_LAST) !== 0;
  if (!isWhole) return `${text}${part(flags)}, ${payloadLength} bytes`;
  return `${text}: ${describeVirtioFrame(bytes, at + DATA_HEADER_BYTES, length - DATA_HEADER_BYTES)}`;
}

function part(flags: number): string {
  if ((flags & DATA_FIRST) !== 0) return ' first of a frame';
  return (flags & DATA_LAST) === 0 ? '' : ' last of a frame';
}

function describeAck(): string {
  const { isSpecial, pathId, psn, destinationCid, ackType, psnBase, bitmapWords, numAck } = ack;
  const kind = isSpecial ? 'answer to a probe' : 'ack';
  const claim = ackType === ACK_CUMULATIVE ? `all below ${psnBase}` : `window from ${psnBase}`;
  const bitmap = Array.from({ length: bitmapWords }, (_, word) => hex(ack.bitmapWord(word))).join(' ');
  const bits = bitmapWords === 0 ? '' : `, bitmap ${bitmap}`;
  return `${kind} path ${pathId} cid ${hex(destinationCid)} newest psn ${psn}, ${claim}${bits}, ${numAck} new`;
}

function describeConnect(): string {
  const { type, localCid, destinationCid } = connect;
  if (type === PACKET_RESET) return `reset of cid ${hex(destinationCid)}`;
  if (type === PACKET_CLOSE) return `close of cid ${hex(destinationCid)}, reason ${connect.reason}`;
  const macs = `${formatMac(connect.sourceMac)} > ${formatMac(connect.destinationMac)}`;
  return type === PACKET_CONNECTION_REQUEST
    ? `connection request ${macs} cid ${hex(localCid)}`
    : `connection response ${macs} cid ${hex(localCid)} to cid ${hex(destinationCid)}`;
}

function describePause(): string {
  const { destinationCid, sequence, pauseMicros, rateBytesPerSecond } = pause;
  pause.readKey(flowKey, 0);
  const isRelease = pauseMicros === 0 && rateBytesPerSecond === Number.POSITIVE_INFINITY;
  const what = isRelease ? 'release' : `pause ${pauseMicros} µs, then ${rateBytesPerSecond} bytes/s`;
  return `${what} cid ${hex(destinationCid)} sequence ${sequence}: ${formatFlow(flowKey)}`;
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, '0')}`;
}

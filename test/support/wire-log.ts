// What passes between two transports, as short lines a person can compare with a figure: `>` from the first host to
// the second, `<` back; PSNs counted from 1; `lost` where the story loses a packet.
//
//   > request | < response | > data 3 | > data 3 again | > probe 0 | < ack(3|0100) | < window(260|0110) | < reset | > close

import type { Direction, TransportPair } from '../../sim/transport-pair.ts';
import { bytesOf } from '../../src/base/bytes.ts';
import { firstPsn } from '../../src/transport/connections.ts';
import { ACK_CUMULATIVE, AckView } from '../../src/wire/bifrost-ack.ts';
import { DATA_RETRANSMITTED, DATA_SPECIAL, DataHeaderView } from '../../src/wire/bifrost-data.ts';
import {
  bifrostPacketType,
  PACKET_ACK,
  PACKET_CLOSE,
  PACKET_CONNECTION_REQUEST,
  PACKET_CONNECTION_RESPONSE,
  PACKET_DATA,
  PACKET_PAUSE,
} from '../../src/wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES } from '../../src/wire/vxlan.ts';

/** Bits of a bitmap that are shown at least. */
const SHOWN_BITS = 4;

export class WireLog {
  readonly lines: string[] = [];
  private readonly network: TransportPair;

  /** `lose` picks the packets that do not arrive, by their lines. */
  constructor(network: TransportPair, lose: (line: string, slot: number) => boolean = () => false) {
    this.network = network;
    for (const direction of [0, 1] as const) {
      for (const [slot, channel] of network.channels[direction].entries()) {
        channel.drops = (packet) => {
          const line = `${direction === 0 ? '>' : '<'} ${this.describe(direction, slot, packet)}`;
          const lost = lose(line, slot);
          this.lines.push(lost ? `${line} lost` : line);
          return lost;
        };
      }
    }
  }

  /** The lines since the last call. */
  take(): string[] {
    return this.lines.splice(0);
  }

  private describe(direction: Direction, slot: number, packet: Uint8Array): string {
    const bytes = bytesOf(packet);
    const at = VXLAN_HEADER_BYTES;
    const length = packet.length - at;
    switch (bifrostPacketType(bytes.view, at, length)) {
      case PACKET_DATA: {
        const data = new DataHeaderView();
        data.aim(bytes, at, length);
        if ((data.flags & DATA_SPECIAL) !== 0) return `probe ${slot}`;
        const psn = 1 + ((data.psn - firstPsn(data.destinationCid)) >>> 0);
        return `data ${psn}${(data.flags & DATA_RETRANSMITTED) !== 0 ? ' again' : ''}`;
      }
      case PACKET_ACK:
        return this.describeAck(direction, packet);
      case PACKET_CONNECTION_REQUEST:
        return 'request';
      case PACKET_CONNECTION_RESPONSE:
        return 'response';
      case PACKET_CLOSE:
        return 'close';
      case PACKET_PAUSE:
        return 'pause';
      default:
        return 'reset';
    }
  }

  private describeAck(direction: Direction, packet: Uint8Array): string {
    const ack = new AckView();
    ack.aim(bytesOf(packet), VXLAN_HEADER_BYTES, packet.length - VXLAN_HEADER_BYTES);
    // It counts in the numbers of what its sender receives.
    const { connections } = this.network.hosts[direction].transport;
    const base = 1 + ((ack.psnBase - firstPsn(connections.localCid[0]!)) >>> 0);
    let bits = '';
    for (let i = 0; i < 32 * ack.bitmapWords; i++) bits += ack.bit(i) ? '1' : '0';
    const shown = bits.replace(/0+$/, '').padEnd(SHOWN_BITS, '0');
    return `${ack.ackType === ACK_CUMULATIVE ? 'ack' : 'window'}(${base}|${shown})`;
  }
}

// What is measured of a way for packets, and what comes out.
import type { PeerName } from '../../peers/peer.ts';

export type StreamName = Extract<PeerName, 'selvage' | 'afPacket' | 'udpSockets' | 'messagePort'>;

/** Of IP packets: the smallest frames, and as many bytes as an Ethernet carries. */
export const PACKET_BYTES = [64, 1500] as const;
/** Packets of a system call, or of a call of the client. */
export const BATCH = 64;
export const PORT = 9200;
export const IP_UDP_BYTES = 28;
export const ETHERNET_BYTES = 14;

/** How a sender and a receiver meet. */
export interface StreamSpec {
  readonly name: StreamName;
  /** Of an IP packet. */
  readonly packetBytes: number;
  readonly warmUpMillis: number;
  readonly millis: number;
  /** Of endpoints. */
  readonly vnic?: string;
  readonly socket?: string;
  /** Of the receiver. */
  readonly address?: string;
  /** The number of a device, and the MAC at its other end. */
  readonly device?: number;
  readonly mac?: string;
}

export interface StreamFigures {
  readonly packetsPerSecond: number;
  /** Of all processors of the machine. */
  readonly cpuNanosPerPacket: number;
}

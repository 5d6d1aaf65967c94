// What is measured of each way between processes, and what comes out.
import type { PeerName } from '../../peers/peer.ts';
import type { PingPong } from './drive.ts';

export type IpcPeerName = Extract<
  PeerName,
  'selvage' | 'unixSocket' | 'unixSocketBatched' | 'tcpLoopback' | 'messagePort'
>;

export const PING_PONG_BYTES = 64;
export const STREAM_BYTES = [16, 64, 1024, 8192] as const;

export interface PeerFigures {
  readonly pingPong: PingPong;
  /** By record size. */
  readonly recordsPerSecond: Readonly<Record<string, number>>;
}

/** Records under way at once: 256 KB of them, but not more than 1024. */
export function windowOf(recordBytes: number): number {
  return Math.min(1024, (256 * 1024) / recordBytes);
}

// Who speaks this (ZooRoute §A): every peer is asked before it is probed, from another source port each time, since a path may be
// down. A VTEP that does not answer is a plain one and left in peace; it is asked again after half a minute, ever less
// often down to every five minutes.

import { PEER_ASKING, PEER_PLAIN, PEER_SPEAKS, type SlowTable } from './slow-table.ts';

const SECOND = 1_000_000;
const TRIES = 4;
const FIRST_GAP_MICROS = 30 * SECOND;
const MAX_GAP_MICROS = 300 * SECOND;
/** Ports that are tried one after the other lie so far apart. */
const PORT_STEP = 11;

export class Negotiator {
  /** Peers that are to be asked, for `transmit`. */
  readonly due: number[] = [];
  private readonly table: SlowTable;

  constructor(table: SlowTable) {
    this.table = table;
  }

  /** Asks from the beginning. */
  begin(peer: number): void {
    const { peers } = this.table;
    peers.state[peer] = PEER_ASKING;
    peers.asks[peer] = 0;
    peers.askGap[peer] = FIRST_GAP_MICROS;
    this.due.push(peer);
  }

  /** Leaves a peer in peace. */
  rest(now: number, peer: number): void {
    const { peers } = this.table;
    peers.state[peer] = PEER_PLAIN;
    peers.askGap[peer] = FIRST_GAP_MICROS;
    peers.nextAskAt[peer] = now + FIRST_GAP_MICROS;
  }

  /** Once a second. True when the peer has just proved not to speak it. */
  onRound(now: number, peer: number): boolean {
    const { peers } = this.table;
    switch (peers.state[peer]) {
      case PEER_SPEAKS:
        return false;
      case PEER_ASKING:
        if (peers.asks[peer]! >= TRIES) return true;
        this.due.push(peer);
        return false;
      default:
        if (now < peers.nextAskAt[peer]!) return false;
        peers.askGap[peer] = Math.min(MAX_GAP_MICROS, 2 * peers.askGap[peer]!);
        peers.nextAskAt[peer] = now + peers.askGap[peer]!;
        this.due.push(peer);
        return false;
    }
  }

  /** The port, from 0, to ask from next. */
  nextPort(peer: number): number {
    return (this.table.peers.asks[peer]!++ * PORT_STEP) & 31;
  }
}

/** Routers on the way, from the TTL that is left of one that began as one of those in use. */
export function hopsOf(hopLimit: number): number {
  const first = hopLimit <= 64 ? 64 : hopLimit <= 128 ? 128 : 255;
  return first - hopLimit;
}

// vNIC pairs of two hosts that have one vNIC each for every pair: what the switch would know.

import { noControl } from '../src/congestion/constant-window.ts';
import type { CongestionAlgorithm } from '../src/congestion/controller.ts';
import type { PairDirectory } from '../src/transport/types.ts';
import type { Mac } from '../src/wire/address.ts';
import { FEATURE_PAUSES, FEATURE_SUPER_FRAMES } from '../src/wire/bifrost-connect.ts';

export interface PairOptions {
  readonly pairs: number;
  readonly congestion?: CongestionAlgorithm;
  /** Frames are put in order; else they are passed on as they come. */
  readonly reorder?: boolean;
  /** FEATURE_…; absent: all. */
  readonly features?: number;
}

/** All pairs between two hosts; the other host is peer 0. */
export class TwoHostPairs implements PairDirectory {
  readonly count: number;
  private readonly reorder: boolean;
  private readonly features: number;
  private readonly congestion: CongestionAlgorithm;
  private readonly local: number;
  private readonly remote: number;

  /** `local` and `remote` are numbers of hosts. */
  constructor(
    local: number,
    remote: number,
    {
      pairs: count,
      congestion = noControl(),
      reorder = true,
      features = FEATURE_SUPER_FRAMES | FEATURE_PAUSES,
    }: PairOptions,
  ) {
    this.congestion = congestion;
    this.reorder = reorder;
    this.features = features;
    this.local = local;
    this.remote = remote;
    this.count = count;
  }

  peerOf(): number {
    return 0;
  }

  vniOf(pair: number): number {
    return 100 + pair;
  }

  reordersOf(): boolean {
    return this.reorder;
  }

  featuresOf(): number {
    return this.features;
  }

  congestionOf(): CongestionAlgorithm {
    return this.congestion;
  }

  localMac(pair: number): Mac {
    return vnicMac(this.local, pair);
  }

  remoteMac(pair: number): Mac {
    return vnicMac(this.remote, pair);
  }

  find(peer: number, vni: number, localMac: Mac, remoteMac: Mac): number {
    const pair = vni - 100;
    const known = peer === 0 && pair >= 0 && pair < this.count;
    return known && localMac === this.localMac(pair) && remoteMac === this.remoteMac(pair) ? pair : -1;
  }
}

function vnicMac(host: number, pair: number): Mac {
  return 0x0200_0000_0000 + host * 0x1_0000 + pair;
}

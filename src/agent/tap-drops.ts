// Frames that a tenant sent and that never came to us: while a TAP's queue is full, its kernel drops in front of it,
// and only its own counter tells. It goes on over many agents; what is told here began with this one.

import { transmitDrops } from '../linux/transmit-drops.ts';
import type { VnicPlan } from './vnics.ts';

type TapVnic = Pick<VnicPlan, 'name' | 'netns'> & Partial<Pick<VnicPlan, 'endpoint'>>;

export class TapDrops {
  private readonly vnics: readonly TapVnic[];
  private readonly first: readonly (number | undefined)[];

  /** The interfaces are there; endpoints have none. */
  constructor(vnics: readonly TapVnic[]) {
    this.vnics = vnics;
    this.first = this.read();
  }

  /** Since the beginning, of each vNIC; undefined where the interface is gone. */
  since(): (number | undefined)[] {
    return this.read().map((drops, i) =>
      drops === undefined ? undefined : Math.max(0, drops - (this.first[i] ?? 0)),
    );
  }

  private read(): (number | undefined)[] {
    const drops = new Map(
      [...new Set(this.vnics.map(({ netns }) => netns))].map((netns) => [netns, of(netns)]),
    );
    return this.vnics.map(({ name, netns, endpoint }) =>
      endpoint === true ? undefined : drops.get(netns)?.get(name),
    );
  }
}

function of(netns: string | undefined): ReadonlyMap<string, number> | undefined {
  try {
    return transmitDrops(netns);
  } catch {
    return undefined;
  }
}

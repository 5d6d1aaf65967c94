// The algorithms that come with the agent, by the names that configuration files and `selvage cc set` give them. Swift as
// a program has a name of its own: `swift` is the transport's.

import type { Algorithm } from '../../congestion/algorithm.ts';
import { bbr } from '../../congestion/algorithms/bbr.ts';
import { copa } from '../../congestion/algorithms/copa.ts';
import { cubic } from '../../congestion/algorithms/cubic.ts';
import { dctcp } from '../../congestion/algorithms/dctcp.ts';
import { fairShare } from '../../congestion/algorithms/fair-share.ts';
import { nimbus } from '../../congestion/algorithms/nimbus.ts';
import { reno } from '../../congestion/algorithms/reno.ts';
import { swift } from '../../congestion/algorithms/swift.ts';
import { vegas } from '../../congestion/algorithms/vegas.ts';

const builtIn: Readonly<Record<string, () => Algorithm>> = {
  bbr: () => bbr,
  copa: () => copa,
  cubic: () => cubic(),
  dctcp: () => dctcp,
  'fair-share': () => fairShare,
  nimbus: () => nimbus,
  reno: () => reno(),
  'swift-program': () => swift(),
  vegas: () => vegas,
};

export const builtInNames: readonly string[] = Object.keys(builtIn);

export function isBuiltIn(name: string): boolean {
  return Object.hasOwn(builtIn, name);
}

export function builtInAlgorithm(name: string): Algorithm | undefined {
  return isBuiltIn(name) ? builtIn[name]!() : undefined;
}

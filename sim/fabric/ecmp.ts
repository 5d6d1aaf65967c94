// Which of several equal paths a flow takes: a hash of the outer 5-tuple, as every leaf computes it with a seed of
// its own. Another UDP source port is another flow, which is all that a host can do about its path.

import type { Ipv4Address } from '../../src/wire/address.ts';
import { FLOW_KEY_WORDS, hashFlowKey } from '../../src/wire/flow-key.ts';
import { PROTOCOL_UDP } from '../../src/wire/protocols.ts';
import { VXLAN_PORT } from '../../src/wire/vxlan.ts';

const key = new Uint32Array(FLOW_KEY_WORDS);
key[9] = (4 << 24) | (PROTOCOL_UDP << 16);

/** A number from 0 to `paths` - 1, the same for every packet of a flow. */
export function chooseEqualPath(
  source: Ipv4Address,
  destination: Ipv4Address,
  sourcePort: number,
  seed: number,
  paths: number,
): number {
  key[0] = source;
  key[4] = destination;
  key[8] = (sourcePort << 16) | VXLAN_PORT;
  return hashFlowKey(key, 0, seed) % paths;
}

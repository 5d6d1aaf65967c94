// Which algorithm governs which connection: what a rule says, or else its network's configuration. Those of the transport
// itself are here; all others are the control plane's, whether they run or not. Whichever it is, a vNIC that takes only so
// much bounds it.

import { constantWindow, noControl } from '../congestion/constant-window.ts';
import type { CongestionAlgorithm } from '../congestion/controller.ts';
import type { PlaneLinks } from '../congestion/plane/links.ts';
import type { PlaneDatapath } from '../congestion/plane/plane-datapath.ts';
import { policed } from '../congestion/policed-rate.ts';
import { swift } from '../congestion/swift.ts';
import { isNative, type NativeName } from './config.ts';
import type { Forwarding } from './forwarding.ts';

export class Governance {
  private readonly natives: Readonly<Record<NativeName, CongestionAlgorithm>>;
  private readonly links: PlaneLinks;

  constructor(windowPackets: number, payloadBytes: number, links: PlaneLinks) {
    this.natives = {
      constant: constantWindow(windowPackets, payloadBytes),
      none: noControl(),
      swift: policed(swift({ packetBytes: payloadBytes, maxCwndPackets: windowPackets })),
    };
    this.links = links;
  }

  of(pair: number, forwarding: Forwarding, plane: PlaneDatapath): CongestionAlgorithm {
    const { congestion } = forwarding.portOfPair(pair).network;
    const { links } = this;
    const ruled = links.rules.length === 0 ? undefined : links.ruleFor(forwarding.placeOf(pair));
    const name = ruled ?? congestion;
    return isNative(name) ? this.natives[name] : policed(plane.algorithm(pair, name));
  }
}

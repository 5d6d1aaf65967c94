// The shipped switch again, in the place of frame-sizes.ts: takes over the part of its state that is the switch's, and
// lets the figures go.

import { type SwitchState, switchEngine } from 'selvage/switch-engine';

type Load = typeof switchEngine.load;

export default {
  version: switchEngine.version,
  warmUp: switchEngine.warmUp,
  load(io: Parameters<Load>[0], old?: Parameters<Load>[1]) {
    const inner = (old?.state as { readonly inner?: SwitchState } | undefined)?.inner;
    return switchEngine.load(io, inner === undefined ? old : { version: switchEngine.version, state: inner });
  },
};

// A switch that also counts the frames of its tenants by size: `selvage upgrade switch examples/engines/frame-sizes.ts`,
// then `selvage status`. It wraps the devices that the shipped switch is given, and keeps its own figures beside that
// switch's state. Going back is an upgrade to frame-sizes-off.ts: the shipped switch does not know this state.

import { type SwitchGiven, type SwitchState, switchEngine } from 'selvage/switch-engine';

/** Above the versions of the shipped switch. */
const VERSION = switchEngine.version + 1000;
const LENGTH_MASK = 0x00ff_ffff;
const BUCKETS = [128, 512, 1514, 65_571] as const;

type Device = SwitchGiven['vnics'][number]['device'];
type Load = typeof switchEngine.load;

interface State {
  readonly inner: SwitchState;
  readonly counts: Float64Array;
}

/** The same vNIC; what it reads is counted in `counts`. */
function counting(device: Device, counts: Float64Array): Device {
  return {
    get dropped() {
      return device.dropped;
    },
    rx(out) {
      const read = device.rx(out);
      for (let i = out.count - read; i < out.count; i++) {
        const length = out.words[i * 2 + 1]! & LENGTH_MASK;
        const bucket = BUCKETS.findIndex((most) => length <= most);
        counts[bucket < 0 ? BUCKETS.length - 1 : bucket]!++;
      }
      return read;
    },
    tx: (frames, from) => device.tx(frames, from),
  };
}

export default {
  version: VERSION,
  warmUp: switchEngine.warmUp,
  load(io: Parameters<Load>[0], old?: Parameters<Load>[1]) {
    // From the shipped switch, or from an earlier one of ours.
    const ours = old?.version === VERSION ? (old.state as State) : undefined;
    const inner = ours === undefined ? old : { version: switchEngine.version, state: ours.inner };
    const counts = ours?.counts ?? new Float64Array(BUCKETS.length);
    const vnics = io.given.vnics.map(({ device, fd }) => ({ device: counting(device, counts), fd }));
    const engine = switchEngine.load({ ...io, given: { ...io.given, vnics } }, inner);
    return {
      run: (now: number, budget: number) => engine.run(now, budget),
      nextTimeout: () => engine.nextTimeout(),
      drain: (now: number) => engine.drain(now),
      peers: () => engine.peers(),
      flows: (from: number, nowMicros: number) => engine.flows(from, nowMicros),
      paths: (from: number, nowMicros: number) => engine.paths(from, nowMicros),
      decisions: (nowMicros: number) => engine.decisions(nowMicros),
      bindSlots: (...slots: Parameters<typeof engine.bindSlots>) => engine.bindSlots(...slots),
      save: (): State => ({ inner: engine.save(), counts }),
      report() {
        const report = engine.report();
        const sizes = BUCKETS.map((most, bucket) => [`framesUpTo${most}`, counts[bucket]!]);
        return { ...report, counters: { ...report.counters, ...Object.fromEntries(sizes) } };
      },
    };
  },
};

// Algorithms of the control plane on the transport's connections: two hosts send into one narrow link, each with an
// algorithm beside its switch. They fill the link and share it; one that hangs, ends, throws or talks nonsense is left by
// its flows, which go on; one takes over from another while packets flow.
import { describe, expect, test } from 'vitest';
import { defaultTopology } from '../lab/topology.ts';
import type { Algorithm, FlowControl } from '../src/congestion/algorithm.ts';
import { cubic } from '../src/congestion/algorithms/cubic.ts';
import { reno } from '../src/congestion/algorithms/reno.ts';
import { roundProgram } from '../src/congestion/algorithms/round.ts';
import { swift } from '../src/congestion/algorithms/swift.ts';
import { vegas } from '../src/congestion/algorithms/vegas.ts';
import { Cloud } from './cloud.ts';
import { fairness } from './congestion/dumbbell.ts';
import { Bulk } from './guest/bulk.ts';
import type { SimulatedHost } from './host/host.ts';

const MEGABITS = 500;
const SETTLING_MICROS = 250_000;
const RUN_MICROS = 300_000;

/** `each` prepares a sending host. */
function start(congestion: string, each: (host: SimulatedHost) => void) {
  const cloud = new Cloud({
    topology: defaultTopology(),
    overlay: 'selvage',
    congestion,
    seed: 1,
    receiveBufferBytes: 4 << 20,
  });
  cloud.fabric.impose('host3-leaf2', { rateBitsPerSecond: MEGABITS * 1e6 });
  const senders = ['host1', 'host2'].map((name) => cloud.hosts.get(name)!);
  for (const host of cloud.hosts.values()) {
    each(host);
    host.congestionChanged();
  }
  for (const name of ['tenant1', 'tenant2']) new Bulk(cloud.clock, cloud.guest(name), cloud.guest('tenant3'));
  cloud.run(SETTLING_MICROS);
  /** Megabits a second of each sender, over a while. */
  const measure = (micros = RUN_MICROS) => {
    const sent = () => senders.map(({ vswitch }) => vswitch.transport.counters.bytesSent);
    const before = sent();
    cloud.run(micros);
    return sent().map((bytes, i) => ((bytes - before[i]!) * 8) / micros);
  };
  return { cloud, senders, measure };
}

const total = (rates: readonly number[]) => rates.reduce((sum, rate) => sum + rate, 0);
const decides = ({ vswitch }: SimulatedHost, name: string) => vswitch.plane.flowsOf(name);

// Vegas takes for the path's what it finds of a queue at first, so that who comes first has less: of 24 seeds Jain's index
// is 0.68 to 0.99, 0.91 in the median; Reno's is 0.84 at least and 0.99 in the median.
test.each([reno(), vegas, { ...swift(), name: 'swift-program' }])(
  '$name fills the link, and both have their share',
  (algorithm) => {
    const { senders, measure } = start(algorithm.name, ({ plane }) => plane.run(algorithm));
    const rates = measure();
    expect(total(rates)).toBeGreaterThan(0.75 * MEGABITS);
    expect(fairness(rates)).toBeGreaterThan(0.75);
    for (const host of senders) {
      expect(decides(host, algorithm.name).controlled).toBeGreaterThan(0);
      const { fallbacks, reports, reportsRefused, commandsBad } = host.vswitch.plane.counters;
      expect({ fallbacks, reportsRefused, commandsBad }).toEqual({
        fallbacks: 0,
        reportsRefused: 0,
        commandsBad: 0,
      });
      // No more often than once a millisecond a slot, however short the round trip.
      expect(reports).toBeLessThan((8 * (SETTLING_MICROS + RUN_MICROS)) / 1000);
    }
  },
);

/** Reports each round trip; does this upon each report when it is time. */
const turning = (isTime: () => boolean, then: (control: FlowControl) => void): Algorithm => ({
  name: 'turning',
  onCreate: (control) => {
    control.install(roundProgram, { Cwnd: control.flow.initialCwndBytes });
    return {
      onReport() {
        if (isTime()) then(control);
      },
    };
  },
});

describe('flows go on by themselves, and say why, when their algorithm', () => {
  const cases: readonly [string, RegExp, (control: FlowControl) => void][] = [
    [
      'throws',
      /failed: out of ideas/,
      () => {
        throw new Error('out of ideas');
      },
    ],
    [
      'asks for a window that is no number',
      /absurd: .*NaN/,
      (control) => control.update({ Cwnd: Number.NaN }),
    ],
    ['asks for a negative rate', /absurd: /, (control) => control.update({ Rate: -1 })],
  ];
  test.each(cases)('%s', (_, why, then) => {
    let isTime = false;
    const { senders, measure } = start('turning', ({ plane }) => plane.run(turning(() => isTime, then)));
    isTime = true;
    measure(300_000);
    for (const host of senders) {
      const { controlled, fallback } = decides(host, 'turning');
      expect(controlled).toBe(0);
      expect(fallback).toBeGreaterThan(0);
      expect(host.vswitch.plane.troubles.get('turning')?.detail).toMatch(why);
    }
    expect(total(measure())).toBeGreaterThan(0.75 * MEGABITS);
  });

  test('hangs, and take it back when it is started again', () => {
    const { senders, measure } = start('reno', ({ plane }) => plane.run(reno()));
    for (const { plane } of senders) plane.hang('reno');
    expect(total(measure())).toBeGreaterThan(0.75 * MEGABITS);
    for (const host of senders) {
      // What has nothing to report does not miss anyone.
      expect(decides(host, 'reno').fallback).toBeGreaterThan(0);
      expect(host.vswitch.plane.troubles.get('reno')?.detail).toMatch(
        /silent: .*answered no report for 250 ms/,
      );
      host.plane.end('reno', 'it did not return from a call');
      host.congestionChanged();
    }
    measure(50_000);
    for (const host of senders) {
      expect(host.vswitch.plane.troubles.get('reno')?.detail).toMatch(/failed: it did not return/);
      host.plane.run(reno());
      host.congestionChanged();
    }
    expect(total(measure())).toBeGreaterThan(0.75 * MEGABITS);
    for (const host of senders) {
      const { controlled, fallback } = decides(host, 'reno');
      expect([controlled > 0, fallback]).toEqual([true, 0]);
    }
  });

  test('is late, and have it back when it speaks again', () => {
    const { senders, measure } = start('reno', ({ plane }) => plane.run(reno()));
    for (const { plane } of senders) plane.hang('reno');
    measure();
    for (const host of senders) expect(decides(host, 'reno').fallback).toBeGreaterThan(0);
    for (const { plane } of senders) plane.resume('reno');
    expect(total(measure())).toBeGreaterThan(0.75 * MEGABITS);
    for (const host of senders) {
      const { controlled, fallback } = decides(host, 'reno');
      expect([controlled > 0, fallback]).toEqual([true, 0]);
    }
  });

  test('is not there at all', () => {
    const { senders, measure } = start('nobody', () => {});
    expect(total(measure())).toBeGreaterThan(0.75 * MEGABITS);
    for (const host of senders) expect(decides(host, 'nobody').fallback).toBeGreaterThan(0);
  });
});

test('one takes over from another, the transport’s own from it, and it from that, without a pause', () => {
  const { senders, measure } = start('reno', ({ plane }) => {
    plane.run(reno());
    plane.run(cubic());
  });
  for (const name of ['cubic', 'swift', 'reno', 'constant', 'cubic']) {
    for (const host of senders) {
      host.plane.set([{ vni: host.vswitch.forwarding.networks[0]!.vni, algorithm: name }]);
      host.congestionChanged();
    }
    const rates = measure(300_000);
    // What a constant window has lost in the queue is the next one's to send again.
    expect(total(rates), name).toBeGreaterThan(0.4 * MEGABITS);
    for (const { vswitch } of senders) {
      const { connections } = vswitch.transport;
      expect(connections.congestion[0]!.name).toBe(name);
      for (const other of ['reno', 'cubic']) {
        const { controlled, fallback } = vswitch.plane.flowsOf(other);
        expect([controlled > 0, fallback]).toEqual([other === name, 0]);
      }
      expect(vswitch.plane.counters.fallbacks).toBe(0);
    }
  }
});

import { describe, expect, it } from 'vitest';
import { CC_SWIFT } from '../wire/bifrost-types.ts';
import type { AckSample, CongestionController } from './controller.ts';
import { ADDITIVE_INCREASE, DEFAULT_TARGETS, type SwiftTargets, swift } from './swift.ts';

const PACKET = 1400;
const RTT = 100;
const TARGETS: SwiftTargets = { baseMicros: 50, perHopMicros: 10, rangeMicros: 0, endpointMicros: 200 };

function start(targets = TARGETS, maxCwndPackets = 512): CongestionController {
  return swift({ packetBytes: PACKET, maxCwndPackets, targets }).create();
}

function sample(nowMicros: number, delays: Partial<AckSample> = {}): AckSample {
  return {
    nowMicros,
    slot: 0,
    ackedBytes: 10 * PACKET,
    rttMicros: RTT,
    fabricMicros: 20,
    endpointMicros: 20,
    hops: 0,
    markedPackets: 0,
    inFlightBytes: 0,
    ...delays,
  };
}

const packets = (controller: CongestionController, slot = 0) => controller.cwndBytes(slot) / PACKET;

describe('Swift', () => {
  it('grows by some packets a round trip while delays are below their targets', () => {
    const controller = start();
    const before = packets(controller);
    // A whole window is acknowledged, in parts.
    for (let acked = 0; acked < before; acked += 10) controller.onAck(sample(acked));
    expect(packets(controller)).toBeCloseTo(before + ADDITIVE_INCREASE, 0);
    expect(swift({ packetBytes: PACKET, maxCwndPackets: 512 }).ccType).toBe(CC_SWIFT);
  });

  it('counts what was acknowledged without a measurement at the next one', () => {
    const [one, other] = [start(), start()];
    for (let i = 0; i < 4; i++) one.onAck(sample(i, { rttMicros: 0, fabricMicros: 0 }));
    expect(packets(one)).toBe(packets(other));
    one.onAck(sample(5));
    other.onAck(sample(5, { ackedBytes: 50 * PACKET }));
    expect(packets(one)).toBe(packets(other));
  });

  it('shrinks by how far a delay is above its target, once a round trip, by a half at most', () => {
    const controller = start();
    const before = packets(controller);
    controller.onAck(sample(1000, { fabricMicros: 100 }));
    // 0.8 × (100 - 50) / 100.
    expect(packets(controller)).toBeCloseTo(before * 0.6);
    controller.onAck(sample(1050, { fabricMicros: 100 }));
    expect(packets(controller)).toBeCloseTo(before * 0.6);
    controller.onAck(sample(1000 + RTT, { fabricMicros: 100_000 }));
    expect(packets(controller)).toBeCloseTo(before * 0.3);
  });

  it('allows more delay to a path of more hops, and to a smaller window', () => {
    const far = start();
    far.onAck(sample(1000, { fabricMicros: 100, hops: 6 }));
    expect(packets(far)).toBeGreaterThan(packets(start()));
    const scaled = { ...TARGETS, rangeMicros: 600 };
    const small = start(scaled, 1);
    small.onAck(sample(1000, { fabricMicros: 200 }));
    expect(packets(small)).toBe(1);
    const large = start(scaled, 300);
    large.onAck(sample(1000, { fabricMicros: 200 }));
    expect(packets(large)).toBeLessThan(300);
  });

  it('has a window for the hosts as well, and the smaller one holds', () => {
    const controller = start();
    for (let i = 0; i < 400; i++) controller.onAck(sample(i * RTT, { endpointMicros: 2000 }));
    expect(packets(controller)).toBeLessThan(1);
    expect(controller.pacingBytesPerSecond(0)).toBeCloseTo((controller.cwndBytes(0) * 1e6) / RTT);
  });

  it('halves at losses, at marks and at a timeout, and starts from nothing when nobody answers', () => {
    const controller = start();
    const before = packets(controller);
    controller.onAck(sample(0, { ackedBytes: 0 }));
    const lost = { slot: 0, lostBytes: PACKET, inFlightBytes: 0 };
    controller.onLoss({ ...lost, nowMicros: 1000 });
    controller.onLoss({ ...lost, nowMicros: 1010 });
    expect(packets(controller)).toBeCloseTo(before / 2);
    controller.onAck(sample(2000, { ackedBytes: 0, markedPackets: 3 }));
    expect(packets(controller)).toBeCloseTo(before / 4);
    controller.onTimeout(0, 3000);
    expect(packets(controller)).toBeCloseTo(before / 8);
    for (let i = 4; i <= 8; i++) controller.onTimeout(0, i * 1000);
    expect(packets(controller)).toBe(0.01);
  });

  it('keeps a window for each slot', () => {
    const controller = start();
    controller.onLoss({ slot: 3, nowMicros: 1000, lostBytes: PACKET, inFlightBytes: 0 });
    expect(packets(controller, 3)).toBe(packets(controller, 0) / 2);
  });

  it('stays within its bounds whatever is measured', () => {
    const controller = start(DEFAULT_TARGETS, 100);
    for (let i = 0; i < 5000; i++) controller.onAck(sample(i * RTT));
    expect(packets(controller)).toBe(100);
    for (let i = 5000; i < 10_000; i++) controller.onAck(sample(i * RTT, { fabricMicros: 1e9 }));
    expect(packets(controller)).toBe(0.01);
    // And finds its way back.
    for (let i = 10_000; i < 20_000; i++) controller.onAck(sample(i * RTT));
    expect(packets(controller)).toBe(100);
  });
});

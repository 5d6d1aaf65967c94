// The warm-up goes where frames will go: code that it does not run is compiled while tenants wait.

import { expect, test } from 'vitest';
import { checkConservation } from '../../test/vswitch/conservation.ts';
import { WarmUp } from './warm-up.ts';

test('frames are forwarded, cut, wait, are paused and held, between interfaces and endpoints', () => {
  const work = new WarmUp();
  while (!work.step());
  for (const { vswitch, endpoint, owner } of work.hosts) {
    checkConservation(vswitch);
    const { counters, pauses, transport } = vswitch;
    const { dropped } = counters;
    expect([endpoint.fault, owner.health.fault]).toEqual(['none', 'none']);
    expect(owner.taken).toBeGreaterThan(1000);
    expect(endpoint.received.unowned + endpoint.received.tooLong).toBe(0);
    const ways = {
      local: counters.toLocal,
      cut: counters.cutFrames,
      remote: counters.toTransport,
      delivered: transport.counters.framesDelivered,
      asked: pauses!.issuer.counters.pauses,
      doubled: pauses!.issuer.counters.doubled,
      obeyed: pauses!.throttle.counters.obeyed,
      held: pauses!.counters.held,
    };
    for (const [way, count] of Object.entries(ways)) expect(count, way).toBeGreaterThan(0);
    const { spoofedMac, spoofedAddress, malformedFrame, badOffload, unknownDestination } = dropped;
    expect(spoofedMac + spoofedAddress + malformedFrame + badOffload + unknownDestination).toBe(0);
  }
});

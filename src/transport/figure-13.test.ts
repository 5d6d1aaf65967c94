// The paper's own example, packet by packet (BIFROST §4.3, figure 13).

import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../sim/invariants.ts';
import { settle, trafficFor } from '../../test/support/random-network.ts';
import { WireLog } from '../../test/support/wire-log.ts';

describe('figure 13', () => {
  it('repairs a gap by its bitmap and a lost tail by its timeout, with an acknowledgement lost between', () => {
    const traffic = trafficFor(13);
    const { network } = traffic;
    const { clock } = network;
    // Opens the connection from the other side, so that the first host's numbers start at 1.
    traffic.send(1, 0, [100]);
    if (!clock.runWhileNot(() => traffic.missing === 0, clock.nowMicros + 10_000))
      throw new Error('not open');
    clock.runUntil(clock.nowMicros + 10_000);

    const lost = new Set(['> data 3', '> data 5', '< ack(5|0000)']);
    const log = new WireLog(network, (line) => lost.delete(line));
    traffic.send(0, 0, [100, 100, 100, 100, 100]);
    clock.runUntil(clock.nowMicros + 20_000);

    expect(log.take()).toEqual([
      '> data 1',
      '> data 2',
      '> data 3 lost',
      '> data 4',
      '> data 5 lost',
      '< ack(3|0100)',
      '> data 3 again',
      '< ack(5|0000) lost',
      // The silent slot is asked whether it is alive, too.
      '> probe 0',
      '> data 5 again',
      '< ack(6|0000)',
      '< ack(6|0000)',
    ]);
    settle(traffic, 10_000);
    clock.runUntil(clock.nowMicros + 10_000);
    network.hosts.forEach(checkIdle);
    const { lostByGap, lostByTime, lostByTimeout, retransmissions, spurious } =
      network.hosts[0].transport.counters;
    expect({ lostByGap, lostByTime, lostByTimeout, retransmissions, spurious }).toEqual({
      lostByGap: 1,
      lostByTime: 0,
      lostByTimeout: 1,
      retransmissions: 2,
      spurious: 0,
    });
  });
});

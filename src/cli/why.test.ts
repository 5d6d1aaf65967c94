// What `selvage why` says of the agent's decisions.
import { describe, expect, it } from 'vitest';
import type { FlowStatus } from '../agent/reports/status.ts';
import type { PathDecision, PauseDecision, PeerCandidates } from '../agent/reports/why-status.ts';
import { DECISION_NAMES } from '../paths/decisions.ts';
import { flowLines, pathDecisionText, renderCandidates } from './why-agent.ts';
import { renderWhy } from './why-text.ts';

const decision = (secondsAgo: number, more: Partial<PathDecision>): PathDecision => ({
  vtep: '10.0.2.1',
  thread: 0,
  secondsAgo,
  event: 'slot-back',
  slot: 3,
  sourcePort: 49_155,
  ...more,
});

const peer: PeerCandidates = {
  vtep: '10.0.2.1',
  thread: 0,
  mode: 'full',
  switches: 7,
  alarmSeconds: 3.2,
  candidates: [
    {
      sourcePort: 49_155,
      state: 'bad',
      route: 0,
      rttMicros: 0,
      failureFreeSeconds: 0.1,
      probes: { sent: 5, lost: 5 },
    },
    {
      sourcePort: 49_160,
      slot: 3,
      state: 'healthy',
      route: 2,
      rttMicros: 81,
      failureFreeSeconds: 75,
      probes: { sent: 2, lost: 0 },
    },
    { sourcePort: 49_152, slot: 0, state: 'unknown', route: 1, rttMicros: 90, probes: { sent: 0, lost: 0 } },
  ],
};

const flow: FlowStatus = {
  cid: '0012ab3f',
  remoteCid: '0012ab40',
  vni: 77,
  localMac: '02:00:00:00:77:01',
  remoteMac: '02:00:00:00:77:03',
  vtep: '10.0.2.1',
  thread: 0,
  state: 'established',
  congestion: 'bbr',
  congestionTrouble: 'silent',
  ccType: 3,
  psn: { una: 0, transmit: 0, next: 0, base: 0, end: 0 },
  window: { packets: 512, limit: 512 },
  inFlightBytes: 0,
  waiting: { frames: 2, bytes: 128_000 },
  sent: { packets: 0, bytes: 0, frames: 0 },
  received: { packets: 0, bytes: 0, frames: 0 },
  lost: { gap: 2, time: 1, timeout: 0 },
  resent: 3,
  spurious: 1,
  duplicates: 0,
  outOfOrder: { packets: 0, depth: 0, most: 0 },
  opened: 1,
  resets: 0,
  fallbacks: 0,
  dropped: { queueFull: 2, tooLong: 0 },
  rejected: { beyondWindow: 1 },
  slots: [
    ['algorithm', 92_700, 0],
    ['fallback', 12_400, 4100],
  ].map(([decides, cwndBytes, pacedMicros], slot) => ({
    slot,
    state: 'healthy',
    sprayed: true,
    cwndBytes: cwndBytes as number,
    rateBytesPerSecond: slot === 0 ? 125e6 : undefined,
    decides: decides as 'algorithm' | 'fallback',
    inFlightPackets: 0,
    inFlightBytes: 0,
    rttMicros: 0,
    fabricMicros: 0,
    endpointMicros: 0,
    pacedMicros: pacedMicros as number,
    timeouts: 0,
  })),
};

it('tells decisions in their order, whoever decided, under what holds now', () => {
  const decisions = [
    decision(0.02, { event: 'slot-left', because: 'silence' }),
    decision(0.012, { event: 'slot-moved', nextPort: 49_160, because: 'fault' }),
    decision(0.011, { slot: 3, sourcePort: 49_160 }),
  ];
  const rerouted = {
    dev: 'vxlan0',
    peer: '10.0.2.9',
    secondsAgo: 0.015,
    event: 'port-left' as const,
    because: 'two-in-a-row' as const,
    sourcePorts: [10_003],
  };
  expect(
    renderWhy({ flow: undefined, agent: { decisions, peers: [peer], pauses: [] }, decisions: [rerouted] }),
  ).toMatchInlineSnapshot(`
    "10.0.2.1: all its source ports are asked, since a slot was left or slow lately
    10.0.2.1: 7 slots moved for faults lately
    10.0.2.1: ALARM for 3.2 s: its paths are left too often; look at the host itself

    WHEN       PEER      BY      WHAT AND WHY
    20 ms ago  10.0.2.1  agent   left slot 3 (source port 49155): what was sent by it was not acknowledged in time, nor what was asked after
    15 ms ago  10.0.2.9  vxlan0  left source port 10003: a probe and the one right after it were not answered
    12 ms ago  10.0.2.1  agent   slot 3 moved from source port 49155 to 49160: the source port was at fault, and the other is known to work
    11 ms ago  10.0.2.1  agent   slot 3 works (source port 49160)"
  `);
  expect(renderWhy({ flow: undefined, agent: { decisions: [], peers: [], pauses: [] }, decisions: [] })).toBe(
    'Nothing was left, and nothing else decided.',
  );
});

it('tells which flows were held back, by whom and how, among the rest', () => {
  const flow = 'udp 10.0.0.1:7000 > 10.0.0.2:7000 flow 5';
  const common = { thread: 1, flow, frames: 12, pauseMicros: 2100 };
  const pauses: PauseDecision[] = [
    { ...common, vtep: '10.0.2.1', secondsAgo: 3, event: 'flow-paused', rateBytesPerSecond: 16e6 },
    {
      ...common,
      vtep: '10.0.2.1',
      secondsAgo: 2,
      event: 'flow-pause-asked',
      forSeconds: 0.3,
      pauseMicros: 0,
    },
    { ...common, secondsAgo: 1, event: 'flow-held', forSeconds: 0.02 },
  ];
  const decisions = [decision(0.5, { slot: 3, sourcePort: 49_160 })];
  expect(
    renderWhy({ flow: undefined, agent: { decisions, peers: [], pauses }, decisions: [] }),
  ).toMatchInlineSnapshot(`
    "WHEN        PEER      BY               WHAT AND WHY
    3.0 s ago   10.0.2.1  agent, thread 1  paused udp 10.0.0.1:7000 > 10.0.0.2:7000 flow 5: its receiver there takes less than comes; and still by 12 pause frames, the last one for 2.10 ms and then 16.0 MB/s
    2.0 s ago   10.0.2.1  agent, thread 1  asked for a pause of udp 10.0.0.1:7000 > 10.0.0.2:7000 flow 5: its receiver here takes less than comes; for 300 ms by 12 pause frames, the last one for any rate
    1.0 s ago   -         agent, thread 1  held udp 10.0.0.1:7000 > 10.0.0.2:7000 flow 5: its receiver takes less than comes, and both are on this host; for 20 ms
    500 ms ago  10.0.2.1  agent, thread 0  slot 3 works (source port 49160)"
  `);
});

describe('has words for', () => {
  it.each(DECISION_NAMES)('%s', (event) => {
    const text = pathDecisionText(decision(1, { event, nextPort: 49_160, because: 'silence' }));
    expect(text.length).toBeGreaterThan(20);
    if (['slot-moved', 'slow-stays', 'candidate-left'].includes(event)) return;
    expect(text).not.toContain('undefined');
  });

  it.each(['fault', 'routes', 'nothing works', 'slowness'] as const)('a move because of %s', (because) => {
    expect(pathDecisionText(decision(1, { event: 'slot-moved', nextPort: 1, because }))).not.toContain(
      'undefined',
    );
  });

  it.each(['way back', 'none faster'] as const)('a slow slot that stays: %s', (because) => {
    expect(pathDecisionText(decision(1, { event: 'slow-stays', because }))).not.toContain('undefined');
  });

  it.each(['two-in-a-row', 'three-of-five', 'with-others'] as const)(
    'a source port left for %s',
    (because) => {
      expect(pathDecisionText(decision(1, { event: 'candidate-left', because }))).not.toContain('undefined');
    },
  );
});

it('says by whose decision a window is what it is, and where packets were dropped', () => {
  expect(flowLines(flow).join('\n')).toMatchInlineSnapshot(`
    "connection 0012ab3f of network 77, 02:00:00:00:77:01 to 02:00:00:00:77:03 at 10.0.2.1: established
      bbr decides its window, by slot: 0: 92.7 KB at 125 MB/s, 1: 12.4 KB
      on 1 slot the datapath's own fallback decides, since the algorithm is silent (last trouble: silent)
      no more than 512 packets are kept until they are acknowledged: the limit of the agent; now 512, so this is what holds it up
      slot 1 takes nothing for 4.10 ms: its rate
      2 frames wait in front of it, 128 KB
      2 frames dropped by the switch, in front of it or behind it: queueFull
      1 packet dropped as it arrived: beyondWindow
      3 packets taken for lost in the fabric (2 for a gap, 1 overtaken too long ago, 0 unanswered); 3 sent again, 1 of them to no purpose"
  `);
});

it('lists the source ports that slots may use', () => {
  expect(renderCandidates([peer])).toMatchInlineSnapshot(`
    "PEER       PORT  SLOT  ROUTE  STATE    RTT    NO FAILURE FOR  PROBES
    10.0.2.1  49155  -     -      bad      -      100 ms          0/5
    10.0.2.1  49160  3     2      healthy  81 µs  1 min 15 s      2/2
    10.0.2.1  49152  0     1      -        90 µs  -               -"
  `);
});

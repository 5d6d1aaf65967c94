// What people read of rerouting, and how commands find out who runs: against servers on real Unix sockets.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serveJson } from '../agent/admin/json-server.ts';
import { socketPath } from '../agent/reports/status.ts';
import { SelvageError } from '../base/errors.ts';
import {
  type RerouteDecision,
  type ReroutePath,
  type RerouteStatus,
  rerouteSocket,
} from '../reroute/status.ts';
import { explanations, knownPaths } from './explanations.ts';
import { renderReroutePaths, renderReroutes } from './reroute-text.ts';
import { renderWhy } from './why-text.ts';

const status: RerouteStatus = {
  dev: 'vxlan0',
  devices: ['vxlan0', 'vxlan1'],
  version: '0.1.0',
  pid: 4711,
  uptimeSeconds: 3723,
  port: 8472,
  address: '10.0.1.1',
  underlays: ['eth0', 'eth1'],
  role: 'hypervisor',
  peers: [
    {
      address: '10.0.2.1',
      state: 'speaks',
      role: 'hypervisor',
      scenario: 'H-H',
      mode: 'partial',
      ports: 32,
      usable: 26,
      inUse: 3,
      hops: 3,
      switches: 2,
      usedSecondsAgo: 0.017,
    },
    {
      address: 'fd00::2',
      state: 'plain',
      role: 'hypervisor',
      scenario: 'H-H',
      mode: 'partial',
      ports: 32,
      usable: 0,
      inUse: 0,
      switches: 0,
      usedSecondsAgo: 61,
    },
  ],
  alarms: [{ endpoint: '10.0.2.1', forSeconds: 90, switches: 7 }],
  counters: { probesSent: 120, probesLost: 0, captured: 80 },
};

const path: ReroutePath = {
  dev: 'vxlan0',
  peer: '10.0.2.1',
  sourcePort: 10_003,
  state: 'bad',
  inUse: false,
  rttMicros: 584,
  failureFreeSeconds: 3,
  probes: { sent: 32, lost: 14 },
};

const decision: RerouteDecision = {
  dev: 'vxlan0',
  peer: '10.0.2.1',
  secondsAgo: 4.3,
  event: 'port-left',
  because: 'two-in-a-row',
  sourcePorts: [10_003, 10_007],
};

test('the status of a device', () => {
  expect(renderReroutes([status])).toBe(`\
vxlan0 and vxlan1: UDP port 8472 from 10.0.1.1 by eth0, eth1, as hypervisor (Selvage 0.1.0, pid 4711, up 1 h 2 min)
alarm for 1 min 30 s: paths to 10.0.2.1 were left 7 times: something near it drops packets, which another path cannot help

PEER      STATE          SCENARIO  PROBES   USABLE  IN USE  LEFT  HOPS  USED
10.0.2.1  rerouted       H-H       partial  26/32   3          2  3     17 ms ago
fd00::2   left in peace  -         -        -       -          0  -     1 min 1 s ago

probesSent 120, captured 80`);
});

test('source ports and decisions, a line each', () => {
  expect(
    renderReroutePaths([path, { ...path, state: 'unknown', rttMicros: 0, probes: { sent: 0, lost: 0 } }]),
  ).toBe(`\
PEER      DEVICE   PORT  STATE    IN USE  RTT     NO FAILURE FOR  PROBES  BACKEND
10.0.2.1  vxlan0  10003  bad      -       584 µs  3.0 s           18/32   -
10.0.2.1  vxlan0  10003  unknown  -       -       3.0 s           -       -`);
  const others: RerouteDecision[] = [
    { ...decision, event: 'peer-plain', because: 'no-answer', sourcePorts: [] },
    { ...decision, event: 'port-back', because: 'rankings-reset', sourcePorts: [10_004] },
  ];
  const agent = { decisions: [], peers: [], pauses: [] };
  expect(renderWhy({ flow: undefined, agent, decisions: [decision, ...others] })).toBe(`\
WHEN       PEER      BY      WHAT AND WHY
4.3 s ago  10.0.2.1  vxlan0  left source ports 10003 and 10007: a probe and the one right after it were not answered
4.3 s ago  10.0.2.1  vxlan0  leaves it in peace: it does not answer: nothing there speaks this protocol
4.3 s ago  10.0.2.1  vxlan0  takes source port 10004 again: rankings start afresh every half hour`);
});

describe('who is asked', () => {
  let folder: string;
  const servers: Server[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selvage-asked-'));
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
    rmSync(folder, { recursive: true });
  });

  async function serve(socket: string, answers: Readonly<Record<string, unknown>>): Promise<void> {
    const made = Object.entries(answers).map(([name, answer]) => [name, async () => answer] as const);
    const service = {
      isReady: () => true,
      answers: Object.fromEntries(made),
      thereAre: 'nothing',
      starting: 'it is starting',
      alreadyRunning: () => new SelvageError('already-running', 'twice'),
    };
    servers.push(await serveJson(socket, service));
  }

  const reroutes = (dev: string) =>
    serve(rerouteSocket(folder, dev), {
      'GET /status': { ...status, dev },
      'GET /paths': [{ ...path, dev }],
      'GET /why': [{ ...decision, dev }],
    });

  test('processes of all devices, with or without an agent', async () => {
    await reroutes('vxlan0');
    await reroutes('vxlan1');
    const devices = async () => (await knownPaths(folder, undefined)).ports.map(({ dev }) => dev);
    expect(await devices()).toEqual(['vxlan0', 'vxlan1']);
    expect((await explanations(folder, '10.0.2.1')).decisions).toHaveLength(2);
    await serve(socketPath(folder), { 'GET /paths': [{ vtep: '10.0.9.9' }] });
    expect(await devices()).toEqual(['vxlan0', 'vxlan1']);
    expect((await knownPaths(folder, undefined)).slots).toEqual([{ vtep: '10.0.9.9' }]);
  });

  test('a connection stands for its peer', async () => {
    await reroutes('vxlan0');
    const why = { decisions: [], peers: [{ vtep: '10.0.2.1' }] };
    await serve(socketPath(folder), { 'GET /why': why, 'GET /flows': [{ vtep: '10.0.2.1' }] });
    const { flow, agent, decisions } = await explanations(folder, '0012ab3f');
    expect(decisions).toHaveLength(1);
    expect(flow?.vtep).toBe('10.0.2.1');
    expect(agent).toEqual(why);
  });

  test('what a killed process left is nobody', async () => {
    writeFileSync(rerouteSocket(folder, 'vxlan0'), '');
    await expect(knownPaths(folder, undefined)).rejects.toThrow('No agent runs on this host');
  });
});

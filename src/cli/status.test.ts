// The client against a server on a real Unix socket, and the text made of an answer.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fetchFlows, fetchPaths, fetchStatus } from '../agent/admin/agent-client.ts';
import { type AgentStatus, socketPath } from '../agent/reports/status.ts';
import { renderStatus } from './status-text.ts';

const status: AgentStatus = {
  host: 'host1',
  version: '0.1.0',
  pid: 4711,
  uptimeSeconds: 11_045.3,
  threads: 1,
  underlay: { address: '10.0.1.1', port: 4789, sourcePorts: 49152, mtu: 1500 },
  vnics: [
    {
      vni: 77,
      reliable: true,
      name: 'sel0',
      netns: '/run/netns/tenant1',
      mac: '02:00:00:00:77:01',
      addresses: ['192.168.77.1/24', 'fd00:77::1/64'],
      mtu: 1424,
      thread: 0,
      txDropped: 12,
    },
    { vni: 8, reliable: false, name: 'a', mac: '02:00:00:00:08:01', addresses: [], mtu: 1450, thread: 1 },
  ],
  peers: [
    {
      vtep: '10.0.2.1',
      slots: [
        ...[81.4, 120, 97, 140.2, 88, 90, 91].map((rttMicros, slot) => ({
          state: 'healthy' as const,
          rttMicros,
          sourcePort: 49_152 + slot,
          route: (slot % 4) + 1,
          hops: ['10.0.1.254', `10.1.0.${(slot % 4) + 1}`],
        })),
        { state: 'bad', rttMicros: 0, sourcePort: 49_170, route: 0, hops: [] },
      ],
    },
  ],
  connections: [
    {
      vni: 77,
      localMac: '02:00:00:00:77:01',
      remoteMac: '02:00:00:00:77:03',
      vtep: '10.0.2.1',
      thread: 0,
      remoteThread: 3,
      state: 'established',
      packetsInFlight: 12,
    },
  ],
  clients: {
    sessions: [{ pid: 815, uid: 1000, service: 'echo', records: 42, sharedBytes: 204_800 }],
    sharedBytes: 204_800,
    counters: { opened: 3, closed: 2, refused: 0, records: 99, wakes: 7 },
    faults: { badIndex: 1, badBlock: 0 },
  },
  counters: { packetsSent: 1200, retransmissions: 3, spurious: 0 },
  dropped: { spoofedMac: 0 },
};

describe('fetching', () => {
  let folder: string;
  let server: Server | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'selvage-status-'));
  });
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    server = undefined;
    rmSync(folder, { recursive: true });
  });

  function serve(listener: RequestListener): Promise<void> {
    const listening = createServer(listener);
    server = listening;
    return new Promise((resolve) => listening.listen(socketPath(folder), resolve));
  }

  test('asks for /status', async () => {
    let asked: string | undefined;
    await serve((request, response) => {
      asked = `${request.method} ${request.url}`;
      response.end(JSON.stringify(status));
    });
    expect(await fetchStatus(folder)).toEqual(status);
    expect(asked).toBe('GET /status');
  });

  test('asks for lists with the filters that were given', async () => {
    const asked: (string | undefined)[] = [];
    await serve((request, response) => {
      asked.push(request.url);
      response.end('[]');
    });
    expect(await fetchFlows(folder, { vni: '77', to: '02:00:00:00:77:03', cid: undefined })).toEqual([]);
    expect(await fetchFlows(folder, {})).toEqual([]);
    expect(await fetchPaths(folder, { to: 'fd00::1' })).toEqual([]);
    expect(asked).toEqual([
      '/flows?vni=77&to=02%3A00%3A00%3A00%3A77%3A03',
      '/flows',
      '/paths?to=fd00%3A%3A1',
    ]);
  });

  test.each([
    [400, 'bad-input'],
    [500, 'failed'],
  ])('what the agent refuses with %i it explains itself', async (status, code) => {
    const refusal = JSON.stringify({ error: 'There is no filter x.', hint: 'There are: y.' });
    await serve((_, response) => response.writeHead(status).end(refusal));
    await expect(fetchFlows(folder, { x: '1' })).rejects.toMatchObject({
      code,
      message: 'There is no filter x.',
      hint: 'There are: y.',
    });
  });

  test('no agent', async () => {
    await expect(fetchStatus(folder)).rejects.toMatchObject({
      code: 'not-running',
      message: `No agent runs on this host: nobody listens at ${folder}/agent.sock.`,
      hint: expect.stringContaining('selvage agent --config FILE'),
    });
  });

  test('an answer that is none', async () => {
    await serve((_, response) => response.end('hello'));
    await expect(fetchStatus(folder)).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('not JSON'),
    });
  });

  test('an error of the agent', async () => {
    await serve((_, response) => response.writeHead(503).end('starting\n'));
    await expect(fetchStatus(folder)).rejects.toMatchObject({
      message: expect.stringMatching(/status 503: starting$/),
    });
  });

  test('an agent that hangs', async () => {
    await serve(() => {});
    await expect(fetchStatus(folder, 50)).rejects.toMatchObject({
      message: expect.stringContaining('did not answer'),
    });
  });
});

describe('text', () => {
  test('of a working host', () => {
    expect(renderStatus(status)).toMatchInlineSnapshot(`
      "host1: selvage 0.1.0, pid 4711, up 3 h 4 min
      underlay 10.0.1.1 port 4789, source ports 49152 to 49183, MTU 1500

      interfaces
      VNI  NAME  NAMESPACE  MAC                 MTU  SERVICE   TX DROPPED  ADDRESSES
       77  sel0  tenant1    02:00:00:00:77:01  1424  reliable          12  192.168.77.1/24 fd00:77::1/64
        8  a     -          02:00:00:00:08:01  1450  plain           gone

      peers
      VTEP      PATHS             ROUTES  RTT
      10.0.2.1  7 healthy, 1 bad  4       81 µs to 140 µs

      connections
      VNI  FROM               TO                 VTEP      STATE        IN FLIGHT  BECAUSE
       77  02:00:00:00:77:01  02:00:00:00:77:03  10.0.2.1  established         12

      client sessions
      PID   UID  SERVICE  RECORDS  SHARED
      815  1000  echo          42  205 KB
      so far: 3 opened, 2 closed, 99 records, 7 wakes, 1 badIndex

      counted
      1200  packetsSent
         3  retransmissions

      dropped: none"
    `);
  });

  test('of a host with an alarm names the peer, or itself when it is so of most', () => {
    const [peer] = status.peers;
    const alarming = (vtep: string) => ({ ...peer!, vtep, alarm: 9 });
    const one = renderStatus({ ...status, peers: [peer!, alarming('10.0.2.2')] });
    expect(one).toContain(
      'ALARM: paths to 10.0.2.2 are left too often (9 slots moved lately): look at that host, not at paths',
    );
    const most = ['10.0.2.2', '10.0.2.3', '10.0.2.4'].map(alarming);
    const text = renderStatus({ ...status, peers: [peer!, ...most] });
    expect(text.match(/ALARM.*/g)).toEqual([
      'ALARM: paths to most peers are left too often: look at this host, not at paths',
    ]);
  });

  test('of a host with several data threads', () => {
    const text = renderStatus({ ...status, threads: 2 });
    expect(
      text
        .split('\n\n')
        .filter((part) => !/^(peers|counted|dropped)/.test(part))
        .join('\n\n'),
    ).toMatchInlineSnapshot(`
      "host1: selvage 0.1.0, pid 4711, up 3 h 4 min, 2 data threads
      underlay 10.0.1.1 port 4789, source ports 49152 to 49183, MTU 1500

      interfaces
      VNI  NAME  NAMESPACE  MAC                 MTU  SERVICE   THREAD  TX DROPPED  ADDRESSES
       77  sel0  tenant1    02:00:00:00:77:01  1424  reliable       0          12  192.168.77.1/24 fd00:77::1/64
        8  a     -          02:00:00:00:08:01  1450  plain          1        gone

      connections
      VNI  FROM               TO                 VTEP      THREADS  STATE        IN FLIGHT  BECAUSE
       77  02:00:00:00:77:01  02:00:00:00:77:03  10.0.2.1  0 → 3    established         12

      client sessions
      PID   UID  SERVICE  RECORDS  SHARED
      815  1000  echo          42  205 KB
      so far: 3 opened, 2 closed, 99 records, 7 wakes, 1 badIndex"
    `);
  });

  test('of a host without tenants', () => {
    const idle = {
      ...status,
      uptimeSeconds: 0.4,
      vnics: [],
      peers: [],
      connections: [],
      clients: undefined,
      counters: {},
    };
    expect(renderStatus(idle)).toMatchInlineSnapshot(`
      "host1: selvage 0.1.0, pid 4711, up 0 s
      underlay 10.0.1.1 port 4789, source ports 49152 to 49183, MTU 1500

      interfaces: none

      peers: none

      connections: none

      client sessions: not served

      counted: none

      dropped: none"
    `);
  });
});

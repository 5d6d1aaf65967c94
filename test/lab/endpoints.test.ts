// Native endpoints of real agents: vNICs of programs in shared memory, and what goes between them, and between them and
// tenants' interfaces, through the switches of two hosts.
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { packageRoot } from '../../lab/package-root.ts';
import { type Endpoint, openEndpoint, openEndpointSync } from '../../src/client/endpoint/index.ts';
import { SELVAGE, statusOf } from './agent-program.ts';
import { A, B, type EndpointVnic, endpointSocket, withEndpoints } from './endpoint-host.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { TWO_TENANTS, upTwoHosts } from './two-hosts.ts';

needRights();

const FAR = { name: 'far', mac: '02:00:00:00:77:f1', addresses: ['192.168.77.211/24', 'fd77::211/64'] };

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts([...TWO_TENANTS, { name: 'tenant3', host: 'host1' }]);
  const edit = withEndpoints({ host1: [A, B], host2: [FAR] });
  // The second thread has tenant3's interface, the first one all endpoints.
  await lab.startAgents(['host1'], { edit, threads: 2 });
  await lab.startAgents(['host2'], { edit });
});
afterAll(() => lab?.down());

const open: Endpoint[] = [];
function own(vnic: EndpointVnic): Endpoint {
  const host = vnic === FAR ? 'host2' : 'host1';
  const endpoint = openEndpointSync({ vnic: vnic.name, socket: endpointSocket(lab, host, vnic) });
  open.push(endpoint);
  return endpoint;
}
afterEach(() => {
  for (const endpoint of open.splice(0)) endpoint.close();
});

const encoded = (text: string) => new TextEncoder().encode(text);

function batchOf(endpoint: Endpoint, ...payloads: readonly string[]) {
  const batch = endpoint.newBatch(Math.max(1, payloads.length));
  for (const [i, payload] of payloads.entries()) batch.setPayload(i, encoded(payload));
  return batch;
}

/** What `count` datagrams say. */
function texts(endpoint: Endpoint, count: number): string[] {
  const batch = endpoint.newBatch(64);
  const said: string[] = [];
  while (said.length < count) {
    if (endpoint.receive(batch) === 0) expect(endpoint.waitSync(20_000)).toBe(true);
    for (let i = 0; i < batch.count; i++) said.push(new TextDecoder().decode(batch.payload(i)));
  }
  return said;
}

describe('datagrams', () => {
  test.each([
    ['another of the same host, over IPv4', B, '192.168.77.202:53'],
    ['another of the same host, over IPv6', B, '[fd77::202]:53'],
    ['one of another host, over IPv4', FAR, '192.168.77.211:53'],
    ['one of another host, over IPv6', FAR, '[fd77::211]:53'],
  ] as const)('to %s', (_, vnic, to) => {
    const a = own(A);
    const other = own(vnic);
    const flow = a.openFlow({ to, nativeId: 4711 });
    expect(flow.send(batchOf(a, 'one', 'another', ''))).toBe(3);
    expect(texts(other, 3)).toEqual(['one', 'another', '']);
    const batch = other.newBatch(1);
    flow.send(batchOf(a, 'the last'));
    while (other.receive(batch) === 0) expect(other.waitSync(20_000)).toBe(true);
    expect(other.receivedFlow(batch.flows[0]!)).toEqual({
      protocol: 'udp',
      from: flow.from,
      to,
      nativeId: 4711,
    });
    expect(other.counters.badChecksums).toBe(0);
  });

  test('to a kernel’s socket and back, whose checksums are made and believed', async () => {
    const a = own(A);
    const echo = await lab.exec(
      'tenant1',
      [process.execPath, join(import.meta.dirname, 'udp-echo.mjs'), '7'],
      {
        stdio: 'pipe',
      },
    );
    try {
      await once(echo.stdout!, 'data');
      const { address } = lab.tenants.find(({ name }) => name === 'tenant1')!.selvage;
      const flow = a.openFlow({ to: `${address}:7` });
      const long = 'x'.repeat(1300);
      flow.send(batchOf(a, 'to the kernel', long));
      expect(texts(a, 2)).toEqual(['to the kernel', long]);
      expect(a.counters.badChecksums).toBe(0);
    } finally {
      echo.kill('SIGKILL');
    }
  });

  test.each([
    ['the same host', B, 'tenant1'],
    ['another data thread', B, 'tenant3'],
    ['another host', B, 'tenant2'],
  ] as const)('that a kernel sends in one piece (UDP_SEGMENT), from %s', async (_, vnic, tenant) => {
    const endpoint = own(vnic);
    const before = (await statusOf(lab, 'host1')).dropped;
    const [size, total] = [1200, 30_000];
    const program = join(import.meta.dirname, 'udp-segments.mjs');
    const words = ['192.168.77.202', '7', String(size), String(total)];
    await lab.run(tenant, [process.execPath, program, ...words]);
    const batch = endpoint.newBatch(64);
    const received: number[] = [];
    for (let datagrams = 0; datagrams < total / size; datagrams += batch.count) {
      if (endpoint.receive(batch) === 0) expect(endpoint.waitSync(20_000)).toBe(true);
      for (let i = 0; i < batch.count; i++) {
        expect(batch.payloadLength[i]).toBe(size);
        received.push(...batch.payload(i));
      }
    }
    expect(received).toEqual(Array.from({ length: total }, (_, i) => i % 251));
    expect(endpoint.counters.badChecksums).toBe(0);
    const { dropped } = await statusOf(lab, 'host1');
    for (const reason of ['endpointTooLong', 'badOffload', 'vnicFull'])
      expect(dropped[reason]).toBe(before[reason]);
  });

  test('many, in order, to a receiver that wakes now and then', async () => {
    const a = own(A);
    const far = own(FAR);
    const flow = a.openFlow({ to: '192.168.77.211:53' });
    const batch = a.newBatch(64);
    const received = far.newBatch(50);
    const total = 50_000;
    let [sent, came] = [0, 0];
    while (came < total) {
      for (let i = 0; i < 64; i++) batch.setPayload(i, encoded(String(sent + i)));
      if (sent < total) sent += flow.send(batch, 0, Math.min(64, total - sent));
      if (far.receive(received) === 0) expect(far.waitSync(20_000)).toBe(true);
      for (let i = 0; i < received.count; i++) {
        const said = new TextDecoder().decode(received.payload(i));
        if (said !== String(came++)) throw new Error(`${said} came as number ${came - 1}`);
      }
    }
    expect(far.counters).toMatchObject({ received: total, badChecksums: 0 });
  });

  test('of a flow that drops when it is full', () => {
    const a = own(A);
    // Nobody reads, but somebody owns it: the switch holds the flow.
    own(B);
    const flow = a.openFlow({ to: '192.168.77.202:53', whenFull: 'drop' });
    const batch = batchOf(a, ...Array.from({ length: 64 }, () => 'x'.repeat(1000)));
    for (let i = 0; i < 1000 || flow.dropped === 0; i++) expect(flow.send(batch)).toBe(64);
    expect(flow.dropped).toBeGreaterThan(0);
  });

  test('that cannot be sent are refused, with what to do', () => {
    const a = own(A);
    expect(() => a.openFlow({ to: '192.168.77.250:53' })).toThrow(
      'Nobody in this endpoint’s network has the address',
    );
    expect(() => a.openFlow({ to: 'somewhere' })).toThrow('is not where datagrams can go');
    expect(() => a.openFlow({ to: '192.168.77.202:53', from: 70_000 })).toThrow('is no port');
    expect(() => a.openFlow({ to: '192.168.77.202:53', weight: 0 })).toThrow('cannot have weight 0');
    const flow = a.openFlow({ to: '192.168.77.202:53' });
    const batch = a.newBatch(1);
    batch.payloadLength[0] = a.mtu;
    expect(() => flow.send(batch, 0, 1)).toThrow(`A packet of ${a.mtu} bytes cannot be sent.`);
    flow.close();
    expect(() => flow.send(batch, 0, 1)).toThrow('This flow was closed.');
  });
});

test('frames of one’s own making are held to the vNIC’s MAC and addresses', async () => {
  const a = own(A);
  const packets = a.openPackets();
  const batch = a.newBatch(1);
  const frame = new Uint8Array(60).fill(0x02, 0, 12);
  frame.set([0x88, 0xb5], 12);
  batch.setFrame(0, frame);
  const before = (await statusOf(lab, 'host1')).dropped['spoofedMac'] ?? 0;
  expect(packets.send(batch)).toBe(1);
  await eventually('the switch to drop it', async () => {
    return ((await statusOf(lab, 'host1')).dropped['spoofedMac'] ?? 0) > before;
  });
});

describe('an owner', () => {
  test('is the only one, and known by its process', async () => {
    own(A);
    expect(() => own(A)).toThrow(`The endpoint a has an owner already: process ${process.pid}`);
    const { vnics } = await statusOf(lab, 'host1');
    expect(vnics.find(({ name }) => name === 'a')).toMatchObject({
      endpoint: { owner: { pid: process.pid } },
    });
    open.pop()!.close();
    await eventually('the endpoint to be free', () => {
      try {
        return own(A);
      } catch {
        return undefined;
      }
    });
  });

  test('that closes at once has sent what it sent', async () => {
    const far = own(FAR);
    for (let round = 0; round < 20; round++) {
      const a = await eventually('the endpoint to be free', () => {
        try {
          return openEndpointSync({ vnic: 'a', socket: endpointSocket(lab, 'host1', A) });
        } catch {
          return undefined;
        }
      });
      const payloads = Array.from({ length: 60 }, (_, i) => `${round} ${i}`);
      const flow = a.openFlow({ to: '192.168.77.211:53' });
      expect(flow.send(batchOf(a, ...payloads))).toBe(60);
      a.close();
      expect(texts(far, 60)).toEqual(payloads);
    }
  });

  test('that goes while its flow is held is forgotten in time, though nothing comes', async () => {
    const a = own(A);
    own(B);
    const flow = a.openFlow({ to: '192.168.77.202:53', whenFull: 'drop' });
    const batch = batchOf(a, ...Array.from({ length: 64 }, () => 'x'.repeat(1000)));
    while (flow.dropped === 0) flow.send(batch);
    a.close();
    await eventually('its memory to be given back', async () => {
      const { vnics } = await statusOf(lab, 'host1');
      return vnics.find(({ name }) => name === 'a')!.endpoint?.sharedBytes === 0;
    });
  });

  test('is told where nobody listens', async () => {
    const missing = openEndpoint({ vnic: 'nothing', socket: join(lab.runFolder, 'nothing.sock') });
    await expect(missing).rejects.toMatchObject({
      code: 'not-running',
      hint: expect.stringContaining('endpoint: true'),
    });
  });

  test('keeps its packets and flows when the switch is replaced', async () => {
    const a = own(A);
    const far = own(FAR);
    const flow = a.openFlow({ to: '192.168.77.211:53' });
    flow.send(batchOf(a, 'before'));
    expect(texts(far, 1)).toEqual(['before']);
    const engine = join(packageRoot(), 'src', 'agent', 'switch-engine.ts');
    for (const host of ['host1', 'host2']) {
      const words = ['upgrade', 'switch', engine, '--runtime-dir', join(lab.runFolder, host)];
      await lab.run(host, [...SELVAGE, ...words]);
    }
    flow.send(batchOf(a, 'after'));
    expect(texts(far, 1)).toEqual(['after']);
  });
});

// The last: it ends the agent.
test('an agent that ends says so to its owners', async () => {
  const a = own(A);
  const flow = a.openFlow({ to: '192.168.77.202:53' });
  const ended = expect(a.wait()).rejects.toMatchObject({ code: 'not-running', hint: expect.any(String) });
  await lab.stopAgents(['host1']);
  await ended;
  expect(() => flow.send(batchOf(a, 'to nobody'))).toThrow('has ended');
  expect(a.ended).toMatchObject({ code: 'not-running' });
});

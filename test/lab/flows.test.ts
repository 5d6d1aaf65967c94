// What `selvage flows` and `selvage paths` say of real agents, held against what happened: loss on a link that counts what
// it loses, and one slot whose packets vanish.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import type { FlowStatus, PathStatus, QueuesStatus } from '../../src/agent/reports/status.ts';
import { SELVAGE, statusOf } from './agent-program.ts';
import { eventually } from './eventually.ts';
import { hasRights, needRights } from './rights.ts';
import { Transfer } from './transfer.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts();
  await lab.startAgents(['host1', 'host2']);
});
afterAll(() => lab?.down());

function selvage(host: string, ...words: string[]) {
  const argv = [...SELVAGE, ...words, '--runtime-dir', join(lab.runFolder, host)];
  return lab.run(host, argv, { anyStatus: true });
}

/** The only connection of a host. */
async function flowOf(host: string): Promise<FlowStatus> {
  const flows: FlowStatus[] = JSON.parse((await selvage(host, 'flows', '--json')).stdout);
  expect(flows).toHaveLength(1);
  return flows[0]!;
}

async function pathsOf(host: string): Promise<PathStatus[]> {
  return JSON.parse((await selvage(host, 'paths', '--json')).stdout);
}

/** Both ends' connections when nothing is on its way. */
function settled(): Promise<[FlowStatus, FlowStatus]> {
  return eventually('everything to be acknowledged', async () => {
    const flows: [FlowStatus, FlowStatus] = [await flowOf('host1'), await flowOf('host2')];
    return flows.every(({ inFlightBytes, waiting, slots }) => {
      return inFlightBytes === 0 && waiting.frames === 0 && slots.length === 0;
    })
      ? flows
      : undefined;
  });
}

const added = (after: FlowStatus, before: FlowStatus, of: (flow: FlowStatus) => number) =>
  of(after) - of(before);

describe('queues', () => {
  it('are told of, and another scheduler takes over while packets flow', async () => {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    const queues = async (): Promise<QueuesStatus> =>
      JSON.parse((await selvage('host1', 'queues', '--json')).stdout);
    expect(await queues()).toMatchObject({ scheduler: 'drr', dropped: { noRing: 0 } });
    expect((await selvage('host1', 'queues', 'schedule', 'edf')).stdout).toContain('edf decides');
    expect((await queues()).scheduler).toBe('edf');
    await transfer.stop();
    expect((await selvage('host1', 'queues')).stdout).toContain('scheduler: edf');
    expect((await selvage('host1', 'queues', 'schedule', 'fifo')).stderr).toContain('drr, edf');
    await selvage('host1', 'queues', 'schedule', 'drr');
    await settled();
  });
});

describe('a connection', () => {
  it('is the same at both ends', async () => {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    const busy = await flowOf('host1');
    expect(busy.slots).toHaveLength(8);
    expect(busy.slots.filter(({ sprayed }) => sprayed).length).toBeGreaterThan(0);
    expect(busy.window.limit).toBe(512);
    await transfer.stop();
    const [one, two] = await settled();
    const { mac: mac1 } = lab.tenant('tenant1').selvage;
    const { mac: mac2 } = lab.tenant('tenant2').selvage;
    expect(one).toMatchObject({ vni: 77, localMac: mac1, remoteMac: mac2, vtep: lab.node('host2').address });
    expect(two).toMatchObject({ vni: 77, localMac: mac2, remoteMac: mac1, vtep: lab.node('host1').address });
    expect([one.remoteCid, two.remoteCid]).toEqual([two.cid, one.cid]);
    expect([one.state, two.state]).toEqual(['established', 'established']);
    // What one has sent is what the other expects next.
    expect([one.psn.next, two.psn.next]).toEqual([two.psn.base, one.psn.base]);
    expect([one.sent.frames, two.sent.frames]).toEqual([two.received.frames, one.received.frames]);
    expect(one.sent.bytes).toBeGreaterThan(64 * 1024);
    const { counters } = await statusOf(lab, 'host1');
    expect(counters).toMatchObject({ bytesSent: one.sent.bytes, framesDelivered: one.received.frames });
  });

  it('is found by filters, and told of in full', async () => {
    const { cid, remoteCid } = await flowOf('host1');
    const peer = lab.node('host2').address!;
    for (const filter of [
      ['--vni', '77', '--to', peer],
      ['--to', lab.tenant('tenant2').selvage.mac],
      [cid],
    ]) {
      const { stdout } = await selvage('host1', 'flows', ...filter, '--json');
      expect(JSON.parse(stdout)).toMatchObject([{ cid }]);
    }
    expect(await selvage('host1', 'flows', '--vni', '78')).toMatchObject({
      status: 0,
      stdout: 'No connection is like that.\n',
    });
    expect(await selvage('host1', 'flows', '--vni', 'many')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: 'vni: "many" is not understood.\n  It must be the number of a network, like 77.\n',
    });
    expect((await selvage('host1', 'flows', 'ffffffff')).stderr).toMatch(
      /^There is no connection ffffffff\.\n/,
    );
    expect((await selvage('host1', 'flows')).stdout).toMatch(new RegExp(`^CID .*\n${cid} +77 +`));
    const { stdout } = await selvage('host1', 'flows', cid);
    expect(stdout).toContain(`connection ${cid} of network 77: `);
    expect(stdout).toContain(`at ${peer}, whose CID is ${remoteCid}\nestablished, heard `);
  });

  it('counts by cause what is lost, and what was sent again to no purpose', async () => {
    const [one, two] = await settled();
    await lab.setLink('host1-leaf1', { lossPpm: 20_000 });
    const lossy = await Transfer.start(lab, 'tenant1', 'tenant2');
    await eventually('packets to be lost', async () => {
      const { lost } = await flowOf('host1');
      return lost.gap + lost.time > one.lost.gap + one.lost.time + 20;
    });
    const { sent, received } = await lossy.stop();
    expect(received).toBe(sent);
    const [after, peerAfter] = await settled();
    const { links } = await lab.status();
    const link = links.find(({ name }) => name === 'host1-leaf1')!;
    await lab.resetLink('host1-leaf1');
    // Every packet that left and did not arrive was lost by the link, and nothing else was.
    const left = added(after, one, (flow) => flow.sent.packets);
    const arrived = added(peerAfter, two, (flow) => flow.received.packets + flow.duplicates);
    expect(left - arrived).toBeGreaterThan(20);
    expect(left - arrived).toBeLessThanOrEqual(link.aToB.lost);
    // Every one of those, and those that were not needed, was given up by a cause.
    const resent = added(after, one, ({ resent }) => resent);
    expect(resent).toBe(left - arrived + added(peerAfter, two, ({ duplicates }) => duplicates));
    const causes = added(after, one, ({ lost }) => lost.gap + lost.time + lost.timeout);
    expect(causes).toBeGreaterThanOrEqual(resent);
    expect(peerAfter.outOfOrder.most).toBeGreaterThan(0);
    expect(peerAfter.outOfOrder.depth).toBe(0);
    const { counters } = await statusOf(lab, 'host1');
    expect(counters).toMatchObject({
      lostByGap: after.lost.gap,
      lostByTime: after.lost.time,
      lostByTimeout: after.lost.timeout,
      retransmissions: after.resent,
      spurious: after.spurious,
    });
  });
});

describe('a slot whose packets vanish', () => {
  const TABLE = 'inet vanish';

  async function dropFrom(port: number): Promise<void> {
    const rules = `
      add table ${TABLE}
      add chain ${TABLE} arriving { type filter hook prerouting priority -400; policy accept; }
      add rule ${TABLE} arriving iifname "host1" udp sport ${port} counter drop`;
    await lab.run('leaf1', ['nft', '-f', '-'], { input: rules });
  }

  it('is moved to another source port, which is told with the reason; and that the first one came back', async () => {
    const transfer = await Transfer.start(lab, 'tenant1', 'tenant2');
    const { slot, sourcePort } = await eventually('a slot in use', async () =>
      (await pathsOf('host1')).find(({ sprayed, rttMicros }) => sprayed && rttMicros > 0),
    );
    await dropFrom(sourcePort);
    const moved = await eventually('it to be moved', async () => {
      await transfer.progress();
      return (await pathsOf('host1')).find(
        (path) => path.slot === slot && path.sourcePort !== sourcePort && path.state === 'healthy',
      );
    });
    // It was asked by a connection's packets, or, if faster ones had just been chosen, by a probe.
    const reasons = ['silence', 'unanswered probe'];
    expect(reasons).toContain(moved.lastLeft?.because);
    expect(moved.probes.sent).toBeGreaterThan(moved.probes.answered);
    expect(moved.changes.rebound).toBeGreaterThan(0);
    const peer = lab.node('host2').address!;
    const [table, why] = [await selvage('host1', 'paths', peer), await selvage('host1', 'why', peer)];
    expect(table.stdout).toMatch(
      new RegExp(`^10\\.0\\.1\\.2 +${slot} +${moved.sourcePort} .* ago: (silence|a probe not answered)`, 'm'),
    );
    expect(table.stdout).toMatch(new RegExp(`^10\\.0\\.1\\.2 +${sourcePort} +- .* bad `, 'm'));
    expect(why.stdout).toMatch(
      new RegExp(`agent +left slot ${slot} \\(source port ${sourcePort}\\): (what was sent|probes of it)`),
    );
    expect(why.stdout).toContain(
      `slot ${slot} moved from source port ${sourcePort} to ${moved.sourcePort}: the source port was at fault`,
    );
    const { cid } = await flowOf('host1');
    expect((await selvage('host1', 'why', cid)).stdout).toMatch(
      /^connection .*: established\n {2}swift decides its window, by slot: /,
    );

    await lab.run('leaf1', ['nft', 'delete', 'table', ...TABLE.split(' ')]);
    await eventually('its first port to work again', async () =>
      (await selvage('host1', 'why', peer)).stdout.includes(`source port ${sourcePort} works again`),
    );
    const { sent, received } = await transfer.stop();
    expect(received).toBe(sent);
  });
});

it('a switch that says nothing of its flows is named as the reason', async () => {
  const file = join(lab.runFolder, 'silent.ts');
  const source = `
    import { switchEngine } from 'selvage/switch-engine';
    export default { version: 1, load(io, old) {
      const engine = switchEngine.load(io, old);
      return { run: (now, budget) => engine.run(now, budget), nextTimeout: () => engine.nextTimeout(),
        drain: (now) => engine.drain(now), save: () => engine.save(), report: () => engine.report() };
    } };`;
  writeFileSync(file, source);
  expect(await selvage('host2', 'upgrade', 'switch', file)).toMatchObject({ status: 0 });
  for (const what of ['flows', 'paths']) {
    expect(await selvage('host2', what)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining(`The switch that runs says nothing of its ${what}.\n`),
    });
  }
  expect((await statusOf(lab, 'host2')).connections).toEqual([]);
});

// Owners of endpoints that write what they like into what they can write, ring for what is not there, never ring, never read,
// or die in the middle: the agent counts it and turns them out, and other endpoints do not notice.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { below, SeededRng } from '../../src/base/rng.ts';
import { openEndpointSync } from '../../src/client/endpoint/index.ts';
import { fcntl, ftruncate, write } from '../../src/linux/libc.ts';
import { mapMemory } from '../../src/linux/memory.ts';
import { mapShared } from '../../src/linux/shared-memory.ts';
import {
  BELL_CLOSE,
  BELL_DATA,
  BELL_DONE,
  BELL_OPEN,
  BELL_ROOM,
  BELL_WANT,
} from '../../src/runtime/vnic/bells.ts';
import { headAt, LINK, ringAt, TAIL } from '../../src/runtime/vnic/layout.ts';
import { statusOf } from './agent-program.ts';
import { A, B, endpointSocket, withEndpoints } from './endpoint-host.ts';
import { eventually } from './eventually.ts';
import { HELLO, RawEndpoint } from './raw-endpoint.ts';
import { hasRights, needRights } from './rights.ts';
import { upTwoHosts } from './two-hosts.ts';

needRights();

const C = { name: 'c', mac: '02:00:00:00:77:c3', addresses: ['192.168.77.203/24'] };
const F_SETFL = 4;

let lab: Lab;
beforeAll(async () => {
  if (!hasRights) return;
  lab = await upTwoHosts();
  await lab.startAgents(['host1'], { edit: withEndpoints({ host1: [A, B, C] }) });
});
afterAll(() => lab?.down());

const raws: RawEndpoint[] = [];
function raw(vnic = A): RawEndpoint {
  const made = new RawEndpoint(endpointSocket(lab, 'host1', vnic));
  raws.push(made);
  return made;
}
afterEach(() => {
  for (const made of raws.splice(0)) made.close();
});

async function statusOfA() {
  const { vnics } = await statusOf(lab, 'host1');
  return vnics.find(({ name }) => name === A.name)!.endpoint!;
}

/** Resolves when nobody owns A. */
const unowned = () =>
  eventually('the endpoint to have no owner', async () => {
    const status = await statusOfA();
    return status.owner === undefined && status;
  });

/** B sends to C, and back. */
function expectService(): void {
  const [b, c] = [B, C].map((vnic) =>
    openEndpointSync({ vnic: vnic.name, socket: endpointSocket(lab, 'host1', vnic) }),
  );
  const batch = b!.newBatch(1);
  batch.setPayload(0, new Uint8Array(100));
  expect(b!.openFlow({ to: '192.168.77.203:7' }).send(batch)).toBe(1);
  expect(c!.waitSync(20_000)).toBe(true);
  expect(c!.receive(c!.newBatch(4))).toBe(1);
  b!.close();
  c!.close();
}

/** A flow with a ring. */
async function opened(endpoint: RawEndpoint, flow = 0): Promise<number> {
  endpoint.ring(BELL_OPEN, flow, 1);
  return endpoint.granted(flow);
}

const slotOf = ({ layout }: RawEndpoint) => layout.slotsBytesAt;

describe('a fault ends the ownership, with its reason, and is counted', () => {
  type Write = (endpoint: RawEndpoint) => void | Promise<void>;
  const cases: readonly (readonly [string, string, Write])[] = [
    ['a doorbell that says nothing', 'a doorbell', (it) => it.ring(99, 0)],
    ['a doorbell of a flow that is not open', 'a doorbell', (it) => it.ring(BELL_DATA, 7)],
    ['a doorbell of a flow that there cannot be', 'a doorbell', (it) => it.ring(BELL_OPEN, 0xff_ffff)],
    [
      'a flow that is opened twice',
      'a doorbell',
      (it) => {
        it.ring(BELL_OPEN, 1, 1);
        it.ring(BELL_OPEN, 1, 1);
      },
    ],
    ['a queue that was not closed and is empty', 'a doorbell', (it) => it.ring(BELL_DONE, 3)],
    ['a queue that there cannot be', 'a doorbell', (it) => it.ring(BELL_ROOM, 0xff_ffff)],
    [
      'more doorbells than there is room for',
      'an index',
      (it) => {
        it.words[it.layout.bells.tail] = it.layout.bells.records + 9;
        it.wake();
      },
    ],
    [
      'more records than a ring holds',
      'an index',
      async (it) => {
        const ring = await opened(it);
        it.words[ringAt(it.layout, ring) + TAIL] = 66;
        it.ring(BELL_DATA, 0);
      },
    ],
    [
      'a packet outside of the slots',
      'a record',
      async (it) => {
        it.put(await opened(it), [0, 100]);
        it.ring(BELL_DATA, 0);
      },
    ],
    [
      'a packet that runs over the end',
      'a record',
      async (it) => {
        it.put(await opened(it), [it.layout.halfBytes - 50, 100]);
        it.ring(BELL_DATA, 0);
      },
    ],
    [
      'a packet longer than a slot',
      'a record',
      async (it) => {
        it.put(await opened(it), [slotOf(it), it.layout.shape.slotBytes + 1]);
        it.ring(BELL_DATA, 0);
      },
    ],
    [
      'a packet shorter than an Ethernet header',
      'a record',
      async (it) => {
        it.put(await opened(it), [slotOf(it), 23]);
        it.ring(BELL_DATA, 0);
      },
    ],
    [
      'a link to a ring that was not granted',
      'a record',
      async (it) => {
        it.put(await opened(it), [5, LINK]);
        it.ring(BELL_DATA, 0);
      },
    ],
    [
      'doorbells for rings without end and never looking at the answers',
      'a doorbell',
      (it) => {
        it.ring(BELL_OPEN, 0, 1);
        return eventually('the agent to have enough', () => {
          for (let i = 0; i < 200; i++) it.ring(BELL_WANT, 0);
          // It takes some at a time; what it has not taken is not overwritten.
          const { bells } = it.layout;
          const waiting = it.words[bells.tail]! - Atomics.load(it.theirs, bells.head);
          return Atomics.load(it.theirs, bells.tail) >= bells.records || waiting > bells.records - 400;
        }).then(() => {});
      },
    ],
  ];

  test.each(cases)('%s (%s …)', async (_, reason, write) => {
    const before = (await unowned()).faults;
    const endpoint = await raw().open();
    await write(endpoint);
    expect(await endpoint.hear()).toMatchObject({
      type: 'refusal',
      code: 'bad-input',
      message: expect.stringContaining(reason),
    });
    expect(await endpoint.hear()).toBe('end');
    const { faults, sharedBytes, sendRings } = await unowned();
    expect({ faults, sharedBytes, sendRings }).toEqual({ faults: before + 1, sharedBytes: 0, sendRings: 0 });
    expectService();
  });

  test('an index of what it received that is ahead of what it was given', async () => {
    const before = (await unowned()).faults;
    const endpoint = await raw().open();
    for (let queue = 0; queue < endpoint.layout.shape.rings; queue++) {
      endpoint.words[headAt(endpoint.layout, queue)] = 5;
    }
    const b = openEndpointSync({ vnic: B.name, socket: endpointSocket(lab, 'host1', B) });
    const batch = b.newBatch(1);
    batch.setPayload(0, new Uint8Array(100));
    b.openFlow({ to: '192.168.77.201:7' }).send(batch);
    expect(await endpoint.hear()).toMatchObject({ message: expect.stringContaining('an index') });
    b.close();
    expect((await unowned()).faults).toBe(before + 1);
  });

  test.each([
    ['no JSON', ['{'], 'a message is not a JSON object'],
    ['no hello', [{ type: 'resolve', address: '192.168.77.202' }], 'the first message asks for an address'],
    ['two hellos', [HELLO, HELLO], 'a second hello came'],
  ])('%s', async (_, messages, reason) => {
    await unowned();
    const endpoint = raw();
    for (const message of messages) endpoint.say(message);
    let last = await endpoint.hear();
    if (last !== 'end' && last.type === 'welcome') last = await endpoint.hear();
    expect(last).toMatchObject({ type: 'refusal', message: `The agent did not understand: ${reason}.` });
  });

  test('a version that the agent does not speak', async () => {
    const endpoint = raw();
    endpoint.say({ ...HELLO, versions: [7, 9] });
    expect(await endpoint.hear()).toMatchObject({ type: 'refusal', code: 'unsupported' });
  });
});

test('garbage in all of a half ends at most its own ownership', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    await unowned();
    const rng = new SeededRng(seed);
    const endpoint = await raw().open();
    const { words, layout } = endpoint;
    for (let i = 0; i < 300; i++) {
      const { bells } = layout;
      const ring = ringAt(layout, below(rng, 4));
      const at = [
        bells.tail,
        bells.head,
        bells.arm,
        bells.room,
        bells.slots + below(rng, 64),
        ring + below(rng, 144),
      ];
      words[at[below(rng, at.length)]!] = below(rng, 2) === 0 ? rng.u32() : below(rng, 600);
      if (below(rng, 10) === 0) endpoint.wake();
    }
    endpoint.wake();
    expectService();
    endpoint.close();
  }
  expect((await unowned()).sharedBytes).toBe(0);
});

describe('an owner', () => {
  test('that never rings is not read, and hurts nobody', async () => {
    await unowned();
    const endpoint = await raw().open();
    const ring = await opened(endpoint);
    endpoint.put(ring, [slotOf(endpoint), 100], [slotOf(endpoint), 100]);
    expectService();
    expect(Atomics.load(endpoint.theirs, headAt(endpoint.layout, ring))).toBe(0);
  });

  test('that rings for queues with nothing in them hurts nobody', async () => {
    await unowned();
    const endpoint = await raw().open();
    await opened(endpoint);
    for (let i = 0; i < 100; i++) endpoint.ring(BELL_DATA, 0);
    expectService();
    endpoint.ring(BELL_CLOSE, 0);
    await eventually('its ring to be taken back', async () => (await statusOfA()).sendRings === 0);
    expect((await statusOfA()).owner).toMatchObject({ pid: process.pid });
  });

  test('that never reads keeps its own flow waiting, and its sender sends to others all the same', async () => {
    await unowned();
    await raw().open();
    const [b, c] = [B, C].map((vnic) =>
      openEndpointSync({ vnic: vnic.name, socket: endpointSocket(lab, 'host1', vnic) }),
    );
    const deaf = b!.openFlow({ to: '192.168.77.201:7' });
    const batch = b!.newBatch(64);
    for (let i = 0; i < 64; i++) batch.setPayload(i, new Uint8Array(1000));
    // Until the switch holds the flow, and then its rings are full.
    while (deaf.send(batch) > 0 || b!.waitSync(500));
    expect(deaf.writable).toBe(0);
    const other = b!.openFlow({ to: '192.168.77.203:7' });
    const received = c!.newBatch(64);
    let came = 0;
    for (let sent = 0; came < 1000; ) {
      if (sent < 1000) sent += other.send(batch, 0, Math.min(64, 1000 - sent));
      came += c!.receive(received);
      if (received.count === 0) expect(c!.waitSync(20_000)).toBe(true);
    }
    expect(came).toBe(1000);
    const { dropped } = await statusOf(lab, 'host1');
    expect(dropped['vnicFull'] ?? 0).toBe(0);
    b!.close();
    c!.close();
  });

  test('holds the agent’s half for reading only, and memory of no size but its own', async () => {
    await unowned();
    const endpoint = await raw().open();
    const { halfBytes } = endpoint.layout;
    expect(() => mapShared(endpoint.fds[0]!, halfBytes, true)).toThrow(/EPERM/);
    for (const fd of endpoint.fds.slice(0, 2)) {
      expect([ftruncate(fd, 0), ftruncate(fd, 2 * halfBytes)]).toEqual([-1, -1]);
    }
  });

  test('cannot make the agent wait for it', async () => {
    await unowned();
    const endpoint = await raw().open();
    const [, , agentBell, ownBell] = endpoint.fds as [number, number, number, number];
    // Blocking from now on, and one short of the most that the counter holds.
    expect([fcntl(agentBell, F_SETFL, 0), fcntl(ownBell, F_SETFL, 0)]).toEqual([0, 0]);
    const { bytes, address } = mapMemory(8);
    bytes.view.setBigUint64(0, 0xffff_ffff_ffff_fffdn, true);
    expect(write(agentBell, address, 8)).toBe(8);
    for (let i = 1; i <= 8; i++) {
      endpoint.words[endpoint.layout.bells.arm] = i;
      expectService();
    }
  });
});

describe('owners that die', () => {
  const dieAtStep = join(import.meta.dirname, 'die-at-step.mjs');
  const program = join(import.meta.dirname, 'dying-endpoint.mjs');

  /** Whether it got to its end before the step. */
  function run(step: number): Promise<boolean> {
    const env = { ...process.env, DIE_AT_STEP: String(step), DIE_BEFORE: 'load,store' };
    const sockets = [A, B].map((vnic) => endpointSocket(lab, 'host1', vnic));
    const child = spawn(process.execPath, ['--import', dieAtStep, program, ...sockets], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    return new Promise((resolve, reject) => {
      child.once('close', (_, signal) => {
        if (signal === 'SIGKILL') resolve(false);
        else if (output === 'done\n') resolve(true);
        else reject(new Error(`it failed before step ${step}: ${output}`));
      });
    });
  }

  test('at any step leave nothing behind', async () => {
    const { pid } = await statusOf(lab, 'host1');
    const held = () => ({
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      maps: readFileSync(`/proc/${pid}/maps`, 'utf8').split('memfd:selvage-endpoint').length,
    });
    const bothUnowned = () =>
      eventually('both endpoints to have no owner, nor what one left', async () => {
        const { vnics } = await statusOf(lab, 'host1');
        return vnics.every(({ endpoint }) => (endpoint?.sharedBytes ?? 0) === 0);
      });
    await bothUnowned();
    const before = held();
    let deaths = 0;
    // A step in some, each time another.
    for (let step = 0; ; step += 3 + (step % 5)) {
      const isThrough = await run(step);
      await bothUnowned();
      expect({ step, ...held() }).toEqual({ step, ...before });
      if (isThrough) break;
      deaths++;
    }
    expect(deaths).toBeGreaterThan(10);
    const { vnics } = await statusOf(lab, 'host1');
    expect(vnics.map(({ endpoint }) => endpoint?.sharedBytes ?? 0).every((bytes) => bytes === 0)).toBe(true);
    expectService();
  });
});

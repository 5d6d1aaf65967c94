// Clients that write what they like into what they can write: the service counts it, ends their session, and serves the
// others; and what they could do to it by their descriptors they cannot.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { below, SeededRng } from '../../src/base/rng.ts';
import { connectSync } from '../../src/client/index.ts';
import { EventFd } from '../../src/linux/eventfd.ts';
import { close, fcntl, ftruncate, write } from '../../src/linux/libc.ts';
import { mapMemory } from '../../src/linux/memory.ts';
import { type Mapping, mapShared } from '../../src/linux/shared-memory.ts';
import { connectUnix, receiveMessage, sendMessage } from '../../src/linux/unix-socket.ts';
import { halfOf } from '../../src/runtime/shm/half.ts';
import { layoutOf, type SessionLayout } from '../../src/runtime/shm/layout.ts';
import { type FromAgent, type Hello, parseFromAgent } from '../../src/runtime/shm/messages.ts';
import { ClientsHost } from './clients-host.ts';
import { eventually } from './eventually.ts';

const F_SETFL = 4;
const HELLO: Hello = {
  type: 'hello',
  versions: [1, 1],
  service: 'echo',
  blocks: true,
  flows: 2,
  recordWords: 4,
  records: 8,
};

let host: ClientsHost;
beforeAll(async () => {
  host = await ClientsHost.start();
});
afterAll(() => host?.stop());

/** A client without a library. */
class RawClient {
  readonly fds: number[] = [];
  readonly layout: SessionLayout = layoutOf(HELLO);
  private readonly socket: number;
  private mapping: Mapping | undefined;

  constructor() {
    this.socket = connectUnix(host.socket);
    expect(this.socket).toBeGreaterThan(0);
  }

  say(message: string): void {
    sendMessage(this.socket, message);
  }

  /** The next message; undefined at the end. */
  hear(): Promise<FromAgent | 'end'> {
    return eventually('an answer', () => {
      const received = receiveMessage(this.socket);
      if (received === 'none') return undefined;
      if (received === 'gone') return 'end' as const;
      this.fds.push(...received.fds);
      return parseFromAgent(received.text);
    });
  }

  async open(): Promise<this> {
    this.say(JSON.stringify(HELLO));
    expect(await this.hear()).toMatchObject({ type: 'welcome', version: 1 });
    expect(this.fds.length).toBe(4);
    this.mapping = mapShared(this.fds[1]!, this.layout.halfBytes, true);
    return this;
  }

  /** The words of our half. */
  get words(): Uint32Array {
    return halfOf(this.mapping!.buffer).u32;
  }

  /** Rings for both flows. */
  ring(): void {
    const { layout, words } = this;
    const rung = words[layout.bells.tail]!;
    words.set([1, 2], layout.bells.slots + (rung % layout.bells.records));
    words[layout.bells.tail] = rung + 2;
    this.wake();
  }

  wake(): void {
    new EventFd(this.fds[2]!).signal();
  }

  close(): void {
    for (const fd of this.fds.splice(0)) close(fd);
    close(this.socket);
    this.mapping?.unmap();
    this.mapping = undefined;
  }
}

let raw: RawClient;
afterEach(() => raw?.close());

function expectService(): void {
  const session = connectSync({ service: 'echo', socket: host.socket });
  session.push(new Uint32Array(16), 1);
  expect(session.waitSync(20_000)).toBe(true);
  session.close();
}

describe('a fault ends the session, with its reason, and is counted', () => {
  test.each([
    [
      'badIndex',
      'an index',
      'more records than a ring holds',
      ({ layout, words }: RawClient) => {
        words[layout.flows[1]!.tail] = 9;
      },
    ],
    [
      'badIndex',
      'an index',
      'more records taken than there were',
      ({ layout, words }: RawClient) => {
        words[layout.flows[0]!.tail] = 8;
        words[layout.flows[0]!.head] = 9;
      },
    ],
    [
      'badDoorbell',
      'a doorbell',
      'a doorbell of no flow',
      ({ layout, words }: RawClient) => {
        // Behind it come those that the test rings.
        words[layout.bells.slots] = 3;
        words[layout.bells.tail] = 1;
      },
    ],
    [
      'badBlock',
      'a record',
      'a block that runs over the end',
      ({ layout, words }: RawClient) => {
        words.set([2 ** 20 - 4, 8, 0, 0], layout.flows[0]!.slots);
        words[layout.flows[0]!.tail] = 1;
      },
    ],
    [
      'badReturn',
      'given back',
      'a block that was not lent',
      ({ layout, words }: RawClient) => {
        words[layout.returns.slots] = 64;
        words[layout.returns.tail] = 1;
        // A block, so that the agent needs memory of its own and looks what came back.
        words.set([0, 8, 0, 0], layout.flows[0]!.slots);
        words[layout.flows[0]!.tail] = 1;
      },
    ],
  ])('%s (%s …): %s', async (fault, reason, _, write) => {
    const before = (await host.idle()).faults[fault]!;
    raw = await new RawClient().open();
    raw.say('{"type":"grow"}');
    expect(await raw.hear()).toMatchObject({ type: 'segment', owner: 'client' });
    write(raw);
    raw.ring();
    let last = await raw.hear();
    // The agent's own segment, which it makes before it sees what was given back.
    if (last !== 'end' && last.type === 'segment') last = await raw.hear();
    expect(last).toMatchObject({
      type: 'refusal',
      code: 'bad-input',
      message: expect.stringContaining(reason),
    });
    expect(await raw.hear()).toBe('end');
    const { faults, sharedBytes } = await host.idle();
    expect({ count: faults[fault], sharedBytes }).toEqual({ count: before + 1, sharedBytes: 0 });
    expectService();
  });

  test.each([
    ['no JSON', ['{'], 'a message is not a JSON object'],
    ['no hello', ['{"type":"grow"}'], 'the first message is no hello'],
    ['two hellos', [JSON.stringify(HELLO), JSON.stringify(HELLO)], 'a second hello came'],
  ])('%s', async (_, messages, reason) => {
    raw = new RawClient();
    for (const message of messages) raw.say(message);
    let last = await raw.hear();
    if (last !== 'end' && last.type === 'welcome') last = await raw.hear();
    expect(last).toMatchObject({ type: 'refusal', message: `The agent did not understand: ${reason}.` });
  });

  test('a version that the agent does not speak', async () => {
    raw = new RawClient();
    raw.say(JSON.stringify({ ...HELLO, versions: [7, 9] }));
    expect(await raw.hear()).toMatchObject({
      type: 'refusal',
      code: 'unsupported',
      message: 'The agent speaks versions 1 to 1 of the protocol, this client 7 to 9.',
      hint: expect.stringContaining('@selvage/client'),
    });
  });
});

test('garbage in all of a half ends at most its own session', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const rng = new SeededRng(seed);
    const client = await new RawClient().open();
    const { words, layout } = client;
    for (let i = 0; i < 300; i++) {
      const places = [layout.bells, layout.returns, ...layout.flows];
      const place = places[below(rng, places.length)]!;
      const at = [place.tail, place.head, place.arm, place.room, place.slots + below(rng, place.records)];
      words[at[below(rng, at.length)]!] = below(rng, 2) === 0 ? rng.u32() : below(rng, 16);
      if (below(rng, 10) === 0) client.wake();
    }
    client.wake();
    expectService();
    client.close();
  }
  expect((await host.idle()).sharedBytes).toBe(0);
});

describe('what a client holds', () => {
  test('of the agent’s half is for reading, and of no size but its own', async () => {
    raw = await new RawClient().open();
    const { halfBytes } = raw.layout;
    mapShared(raw.fds[0]!, halfBytes, false).unmap();
    expect(() => mapShared(raw.fds[0]!, halfBytes, true)).toThrow(/EPERM/);
    for (const fd of raw.fds.slice(0, 2)) {
      expect(ftruncate(fd, 0)).toBe(-1);
      expect(ftruncate(fd, 2 * halfBytes)).toBe(-1);
    }
  });

  test('cannot make the agent wait for it', async () => {
    const other = connectSync({ service: 'echo', socket: host.socket });
    raw = await new RawClient().open();
    const [, , agentBell, clientBell] = raw.fds as [number, number, number, number];
    // Blocking from now on, and one short of the most that the counter holds.
    expect([fcntl(agentBell, F_SETFL, 0), fcntl(clientBell, F_SETFL, 0)]).toEqual([0, 0]);
    const { bytes, address } = mapMemory(8);
    bytes.view.setBigUint64(0, 0xffff_ffff_ffff_fffdn, true);
    expect(write(agentBell, address, 8)).toBe(8);
    const { words, layout } = raw;
    for (let i = 1; i <= 8; i++) {
      words[layout.bells.arm] = i;
      words[layout.flows[0]!.arm] = i;
      words[layout.flows[0]!.tail] = i;
      other.push(new Uint32Array(16), 1);
      while (other.pop(new Uint32Array(16), 1) === 0) expect(other.waitSync(20_000)).toBe(true);
    }
    expect((await host.report()).sessions.length).toBe(2);
    other.close();
  });
});

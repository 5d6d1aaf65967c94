// Which algorithms run under which names: those of programs that come and go, those that are started again, and what a
// datapath behind the socket can have.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { newRingMemory } from '../../congestion/plane/message-ring.ts';
import { Progress } from '../../congestion/plane/progress.ts';
import type { AlgorithmHost, AlgorithmHostEvents } from './algorithm-host.ts';
import { newBellMemory } from './bell.ts';
import { CongestionPlane } from './plane.ts';
import type { Offering } from './running.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function offering(isOpen = true): Offering {
  const [toAlgorithm, fromAlgorithm, bell] = [newRingMemory(), newRingMemory(), newBellMemory()];
  return {
    isOpen,
    progress: new Progress(),
    attach: (wake) => ({ id: 1, toAlgorithm, fromAlgorithm, wake, bell }),
    detach() {},
    stop: async () => {},
  };
}

function planeOf() {
  const starts: AlgorithmHostEvents[] = [];
  const broken = { isBroken: false };
  const plane = new CongestionPlane(
    { threads: [], congestionFds: [] },
    () => {},
    async (_, __, events) => {
      starts.push(events);
      if (broken.isBroken) throw new Error('no memory');
      return offering() as unknown as AlgorithmHost;
    },
  );
  const names = async () => (await plane.status()).algorithms.map(({ name }) => name);
  return { plane, starts, broken, names };
}

it('what a program offers is nobody’s but the data threads’', async () => {
  const { plane, names } = planeOf();
  const host = offering();
  await plane.adopt('foreign', host);
  await expect(plane.hostOf('foreign')).rejects.toMatchObject({ code: 'unsupported' });
  expect(plane.running('foreign')).toBeUndefined();
  plane.withdraw('foreign', host);
  await plane.adopt('foreign', offering());
  expect(await names()).toEqual(['foreign']);
});

it('a program that has gone is forgotten, unless a rule waits for it, and one that went too soon is never known', async () => {
  const { plane, names } = planeOf();
  const host = offering();
  await plane.adopt('foreign', host);
  await plane.set('foreign', { vni: 77 });
  plane.withdraw('foreign', host);
  await plane.adopt('gone', offering(false));
  expect(await names()).toEqual(['foreign']);
  await plane.set('configured', { vni: 77 });
  expect(await names()).toEqual([]);
});

it('a program has no name that is another’s, or none', async () => {
  const { plane } = planeOf();
  await plane.hostOf('reno');
  for (const name of ['reno', 'swift', 'configured', '/x/y.ts', 'a b', 'x'.repeat(64)])
    await expect(plane.adopt(name, offering())).rejects.toMatchObject({ code: 'bad-input' });
});

it('a datapath starts what is built in, once, and nothing else', async () => {
  const { plane, starts } = planeOf();
  await plane.hostOf('reno');
  await plane.hostOf('reno');
  expect(starts).toHaveLength(1);
  for (const name of ['/x/y.ts', 'nobody']) {
    await expect(plane.hostOf(name)).rejects.toMatchObject({ code: 'unsupported' });
  }
  starts[0]!.ended('it crashed');
  await expect(plane.hostOf('reno')).rejects.toMatchObject({ code: 'unsupported' });
  expect(starts).toHaveLength(1);
});

it('what ended is started after 1, 5 and 25 s, also when a start fails, and anew after a minute that went well', async () => {
  const { plane, starts, broken } = planeOf();
  await plane.hostOf('reno');
  const after = async (millis: number) => {
    await vi.advanceTimersByTimeAsync(millis);
    return starts.length;
  };
  starts[0]!.ended('it crashed');
  broken.isBroken = true;
  expect([await after(999), await after(1)]).toEqual([1, 2]);
  expect([await after(4999), await after(1)]).toEqual([2, 3]);
  broken.isBroken = false;
  expect([await after(24_999), await after(1)]).toEqual([3, 4]);
  await after(60_000);
  starts[3]!.ended('it crashed');
  expect([await after(999), await after(1)]).toEqual([4, 5]);
  for (const wait of [5000, 25_000]) {
    starts.at(-1)!.ended('it crashed');
    await after(wait);
  }
  starts.at(-1)!.ended('it crashed');
  const last = starts.length;
  expect(last).toBe(7);
  expect(await after(100_000)).toBe(last);
  await plane.stop();
});

it('what is ended governs nothing, and a network that is configured to have it goes over to the transport’s own', async () => {
  const { plane, starts, names } = planeOf();
  await plane.begin([
    { vni: 77, congestion: 'reno' },
    { vni: 78, congestion: 'cubic' },
  ]);
  const rules = async () =>
    (await plane.status()).rules.map(({ algorithm, governs }) => `${algorithm}: ${governs}`);
  await plane.set('cubic', { peer: '10.0.2.1' });
  await plane.set('reno', { peer: '10.0.3.1' });
  expect(await plane.end('reno')).toEqual({ algorithm: 'reno', governed: ['to 10.0.3.1', 'VNI 77'] });
  expect(await names()).toEqual(['cubic']);
  expect(await rules()).toEqual(['swift: VNI 77', 'cubic: to 10.0.2.1']);
  // Nobody but who asks for it brings it back.
  starts[0]!.ended('late');
  await vi.advanceTimersByTimeAsync(100_000);
  await plane.hostOf('reno');
  await plane.set('configured', { vni: 78 });
  expect(await rules()).toEqual(['swift: VNI 77', 'cubic: to 10.0.2.1']);
  await plane.end('reno');
  await plane.set('configured', { vni: 77 });
  expect(await names()).toEqual(['cubic', 'reno']);
  expect(await rules()).toEqual(['cubic: to 10.0.2.1']);
});

it('what does not run cannot be ended, and is not named among what there is', async () => {
  const { plane } = planeOf();
  const host = offering();
  await plane.adopt('foreign', host);
  await plane.set('foreign', { vni: 77 });
  plane.withdraw('foreign', host);
  const hint = await plane.set('foreign', { vni: 78 }).catch(({ hint }) => hint);
  expect(hint).toContain('reno');
  expect(hint).not.toContain('foreign');
  expect(await plane.end('foreign')).toEqual({ algorithm: 'foreign', governed: ['VNI 77'] });
  await expect(plane.end('foreign')).rejects.toMatchObject({ code: 'bad-input' });
  await expect(plane.end('swift')).rejects.toMatchObject({ hint: 'It is the transport’s own.' });
});

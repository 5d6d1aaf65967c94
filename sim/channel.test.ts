import { describe, expect, it } from 'vitest';
import { SeededRng } from '../src/base/rng.ts';
import { Channel, type Conditions, PERFECT } from './channel.ts';

const PACKETS = 20_000;

/** Sends numbered packets 10 us apart; what arrives, in order of arrival. */
function send(conditions: Partial<Conditions>, prepare: (channel: Channel) => void = () => {}, seed = 1) {
  const channel = new Channel({ ...PERFECT, ...conditions }, new SeededRng(seed));
  prepare(channel);
  const arrivals: { at: number; number: number; intact: boolean; sent: number }[] = [];
  for (let number = 0; number < PACKETS; number++) {
    const packet = new Uint8Array(100);
    new DataView(packet.buffer).setUint32(0, number);
    channel.send(number * 10, packet, (at, bytes, intact) => {
      arrivals.push({
        at,
        number: intact ? new DataView(bytes.buffer).getUint32(0) : -1,
        intact,
        sent: number * 10,
      });
    });
  }
  return {
    channel,
    arrivals: arrivals.map((one, i) => ({ ...one, i })).sort((a, b) => a.at - b.at || a.i - b.i),
  };
}

const inOrder = (numbers: readonly number[]) => numbers.every((n, i) => i === 0 || n > numbers[i - 1]!);

describe('Channel', () => {
  it('brings everything, in order, after its delay', () => {
    const { arrivals } = send({ delayMicros: 70 });
    expect(arrivals.map(({ number }) => number)).toEqual(Array.from({ length: PACKETS }, (_, i) => i));
    expect(arrivals.every(({ at, sent }) => at === sent + 70)).toBe(true);
  });

  it('keeps the order whatever the jitter', () => {
    const { arrivals } = send({ jitterMicros: 500 });
    expect(inOrder(arrivals.map(({ number }) => number))).toBe(true);
    expect(Math.max(...arrivals.map(({ at, sent }) => at - sent))).toBeGreaterThan(500);
  });

  it.each([
    ['loses', 'lossRate', 'lost', -1],
    ['duplicates', 'duplicationRate', 'duplicated', 1],
  ] as const)('%s as many as it is told', (_what, rate, counter, sign) => {
    const { channel, arrivals } = send({ [rate]: 0.1 });
    expect(channel.counters[counter] / PACKETS).toBeCloseTo(0.1, 1);
    expect(arrivals.length).toBe(PACKETS + sign * channel.counters[counter]);
  });

  it('damages copies and says so, never the packet itself', () => {
    const { channel, arrivals } = send({ corruptionRate: 0.1 });
    expect(channel.counters.corrupted / PACKETS).toBeCloseTo(0.1, 1);
    expect(arrivals.filter(({ intact }) => !intact).length).toBe(channel.counters.corrupted);
    const packet = new Uint8Array(100);
    const always = new Channel({ ...PERFECT, corruptionRate: 1 }, new SeededRng(2));
    always.send(0, packet, (_at, bytes, intact) => {
      expect(intact).toBe(false);
      expect(bytes.some((octet) => octet !== 0)).toBe(true);
    });
    expect(packet.every((octet) => octet === 0)).toBe(true);
  });

  it('lets later packets overtake those it holds back', () => {
    const { channel, arrivals } = send({ reorderRate: 0.1, reorderMicros: 200 });
    expect(inOrder(arrivals.map(({ number }) => number))).toBe(false);
    expect(channel.counters.reordered / PACKETS).toBeCloseTo(0.1, 1);
    expect(arrivals.length).toBe(PACKETS);
  });

  it('brings no more bytes than its rate', () => {
    const { arrivals } = send({ bytesPerMicro: 5 });
    // 100 bytes and 66 around them take 33.2 us.
    expect((arrivals.at(-1)!.at - arrivals[0]!.at) / (PACKETS - 1)).toBeCloseTo(33.2, 1);
  });

  it('brings nothing while it is a blackhole', () => {
    const { arrivals } = send({}, (channel) => {
      channel.blackholes = [{ fromMicros: 1000, toMicros: 2000 }];
    });
    expect(arrivals.length).toBe(PACKETS - 100);
    expect(arrivals.some(({ sent }) => sent >= 1000 && sent < 2000)).toBe(false);
  });

  it('does the same again with the same seed, and something else with another', () => {
    const rates = {
      lossRate: 0.1,
      duplicationRate: 0.1,
      reorderRate: 0.1,
      reorderMicros: 100,
      jitterMicros: 50,
    };
    expect(send(rates, undefined, 5).arrivals).toEqual(send(rates, undefined, 5).arrivals);
    expect(send(rates, undefined, 6).arrivals).not.toEqual(send(rates, undefined, 5).arrivals);
  });
});

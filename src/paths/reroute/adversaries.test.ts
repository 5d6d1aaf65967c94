// Whatever comes in, nothing throws, nothing is believed that answers no request of ours, and nobody but the path itself moves
// traffic: the tables are held against those of a run without the adversary.
import { describe, expect, it } from 'vitest';
import { itForSeeds } from '../../../test/support/seeds.ts';
import { bytesOf } from '../../base/bytes.ts';
import { below, chance, SeededRng } from '../../base/rng.ts';
import { CTL_BACKPRESSURE, CTL_DEFAULT, CTL_FINISH, CTL_RESET } from '../../wire/zooroute.ts';
import { Region, SECOND } from './region.testing.ts';

const rng = new SeededRng(3);
const flows = Array.from({ length: 16 }, () => 32_768 + below(rng, 28_000));
const CTL = 6;

function busy(region: Region): () => void {
  return () => {
    for (const port of flows) region.flow(0, 1, port);
  };
}

function inject(region: Region, octets: Uint8Array, from: number, sourcePort = 10_000): void {
  region.hosts[0]!.receive(region.now, {
    source: region.addressOf(from),
    sourcePort,
    hopLimit: 61,
    bytes: bytesOf(octets),
    at: 0,
    length: octets.length,
    receivedMicros: region.now,
  });
}

/** Packets that host 0 gets in a while: true ones, to be bent. */
function recorded(region: Region, seconds: number): Uint8Array[] {
  const packets: Uint8Array[] = [];
  region.tamper = (octets, { to }) => {
    if (to === 0) packets.push(octets.slice());
    return octets;
  };
  region.pass(seconds, busy(region));
  region.tamper = (octets) => octets;
  return packets;
}

function portsOf(region: Region): number[] {
  return flows.map((port) => region.portOf(0, 1, port));
}

function left(region: Region): number {
  return region.hosts[0]!.events().filter(({ event }) => event === 'port-left').length;
}

itForSeeds('garbage and bent packets are counted and change nothing', 10, (seed) => {
  const region = new Region(3, { seed });
  const packets = recorded(region, 5);
  const before = portsOf(region);
  const dice = new SeededRng(seed);
  for (let i = 0; i < 3000; i++) {
    const octets = packets[below(dice, packets.length)]!.slice();
    for (let bends = below(dice, 4); bends >= 0; bends--) octets[below(dice, octets.length)] = dice.u32();
    const length = chance(dice, 0.2) ? below(dice, octets.length) : octets.length;
    inject(region, octets.subarray(0, length), below(dice, 3));
  }
  region.pass(3, busy(region));
  expect(portsOf(region)).toEqual(before);
  expect(left(region)).toBe(0);
  const { malformed, forged, unasked, otherProcess } = region.hosts[0]!.counters;
  expect(malformed).toBeGreaterThan(0);
  expect(forged + unasked + otherProcess).toBeGreaterThan(1000);
});

it('a replayed answer is believed once, and another’s never', () => {
  const region = new Region(3);
  const packets = recorded(region, 5);
  const { probesAnswered } = region.hosts[0]!.counters;
  for (const octets of packets) {
    inject(region, octets, 1);
    inject(region, octets, 2);
  }
  const { counters } = region.hosts[0]!;
  expect(counters.probesAnswered).toBe(probesAnswered);
  expect(counters.unasked).toBe(2 * packets.length);
});

it('a guess without having seen the request is forged, whatever else is right', () => {
  const region = new Region(2);
  const guesses: Uint8Array[] = [];
  let isBlackholed = false;
  region.loses = ({ from }) => isBlackholed && from === 1;
  region.pass(5, busy(region));
  isBlackholed = true;
  // Answers that do not arrive, known to the adversary but for the tag.
  region.tamper = (octets, { to }) => {
    if (to === 1 && octets[3] === 0x7e) guesses.push(octets.slice());
    return octets;
  };
  region.pass(0.3, busy(region));
  expect(guesses.length).toBeGreaterThan(0);
  for (const guess of guesses) {
    guess[3] = 0x7f;
    guess[48]! ^= 1;
    inject(region, guess, 1);
  }
  const { forged, unasked } = region.hosts[0]!.counters;
  expect(forged).toBeGreaterThan(50);
  // The others answer what is no longer waited for.
  expect(forged + unasked).toBe(guesses.length);
});

it('answers to the process before us are told apart', () => {
  const region = new Region(2);
  const packets = recorded(region, 3);
  region.restart(0);
  region.pass(3, busy(region));
  for (const octets of packets) inject(region, octets, 1);
  expect(region.hosts[0]!.counters.otherProcess).toBe(packets.length);
});

it('a flood of requests is answered within bounds, and the source of it told to slow down', () => {
  const region = new Region(2);
  region.pass(3, busy(region));
  const requests: Uint8Array[] = [];
  region.tamper = (octets, { to }) => {
    if (to === 1 && octets[3] === 0x7e) requests.push(octets.slice());
    return octets;
  };
  region.pass(1, busy(region));
  const victim = region.hosts[1]!;
  const before = victim.counters.requestsAnswered;
  for (let i = 0; i < 200_000; i++) {
    const octets = requests[i % requests.length]!;
    victim.receive(region.now, {
      source: region.addressOf(0),
      sourcePort: 10_000,
      hopLimit: 61,
      bytes: bytesOf(octets),
      at: 0,
      length: octets.length,
      receivedMicros: region.now,
    });
    if (i % 512 === 0) victim.transmit(region.now, () => true);
  }
  expect(victim.counters.requestsAnswered - before).toBeLessThan(60_000);
  expect(victim.counters.requestsLimited).toBeGreaterThan(100_000);
});

describe('what a destination may ask for', () => {
  /** Every answer of host 1 says this. */
  function saying(region: Region, ctl: number): void {
    region.tamper = (octets, { to }) => {
      if (to === 0 && octets[3] === 0x7f) octets[CTL] = ctl;
      return octets;
    };
  }

  it('backpressure: probed ever less, down to one probe in 64 s, and as before when it ends', () => {
    const region = new Region(2);
    region.pass(5, busy(region));
    saying(region, CTL_BACKPRESSURE);
    region.pass(60, busy(region));
    const before = region.hosts[0]!.counters.probesSent;
    region.pass(128, busy(region));
    const rare = region.hosts[0]!.counters.probesSent - before;
    expect(rare).toBeLessThan(10);
    expect(region.hosts[0]!.peers(region.now)[0]!.window).toBeLessThan(2);
    saying(region, CTL_DEFAULT);
    region.pass(900, busy(region));
    expect(region.hosts[0]!.peers(region.now)[0]!.window).toBe(32);
  });

  it('FIN: nothing more is asked, and its flows go as the kernel has them', () => {
    const region = new Region(2);
    region.pass(5, busy(region));
    saying(region, CTL_FINISH);
    region.pass(2, busy(region));
    expect(region.hosts[0]!.peers(region.now)[0]!.state).toBe('plain');
    expect(region.hosts[0]!.fast.size).toBe(0);
    expect(portsOf(region)).toEqual(flows);
    const { probesSent } = region.hosts[0]!.counters;
    region.pass(20, busy(region));
    expect(region.hosts[0]!.counters.probesSent).toBe(probesSent);
    saying(region, CTL_DEFAULT);
    region.pass(60, busy(region));
    expect(region.hosts[0]!.peers(region.now)[0]!.state).toBe('speaks');
  });

  it('RST: it negotiates again and goes on', () => {
    const region = new Region(2);
    region.pass(5, busy(region));
    const before = portsOf(region);
    region.restart(1);
    region.pass(5, busy(region));
    const names = region.hosts[0]!.events().map(({ reason }) => reason);
    expect(names).toContain('peer-reset');
    expect(left(region)).toBe(0);
    expect(region.hosts[0]!.peers(region.now)[0]!.state).toBe('speaks');
    expect(portsOf(region)).toEqual(before);
    expect(CTL_RESET).toBe(1);
  });

  it('a host that finishes says so to all', () => {
    const region = new Region(2);
    region.pass(5, busy(region));
    region.hosts[1]!.finish();
    region.pass(2, busy(region));
    expect(region.hosts[0]!.peers(region.now)[0]!.state).toBe('plain');
  });
});

it('a peer that lies about what it received moves only what goes to itself', () => {
  const region = new Region(3);
  const both = () => {
    busy(region)();
    for (const port of flows) region.flow(0, 2, port);
  };
  region.pass(5, both);
  const dice = new SeededRng(1);
  // It answers every other request, and says that it received no other.
  region.loses = ({ from, to }) => from === 1 && to === 0 && chance(dice, 0.5);
  region.tamper = (octets, { from, to }) => {
    if (from === 1 && to === 0 && octets[3] === 0x7f) octets.fill(0, 64);
    return octets;
  };
  const toOther = flows.map((port) => region.portOf(0, 2, port));
  region.pass(20, both);
  expect(flows.map((port) => region.portOf(0, 2, port))).toEqual(toOther);
  const peers = new Set(
    region.hosts[0]!.events().flatMap(({ event, peer }) => (event === 'port-left' ? peer[3] : [])),
  );
  expect([...peers].filter((peer) => peer !== region.addressOf(1))).toEqual([]);
});

it('a socket that takes nothing costs no port', () => {
  const region = new Region(2);
  region.pass(5, busy(region));
  const host = region.hosts[0]!;
  const { probesSent } = host.counters;
  const end = region.now + 3 * SECOND;
  for (let now = region.now; now < end; now += 10_000) {
    host.advance(now);
    host.transmit(now, () => false);
  }
  region.now = end;
  expect(host.counters.probesSent).toBe(probesSent);
  region.pass(5, busy(region));
  expect(left(region)).toBe(0);
  expect(host.counters.probesLost).toBe(0);
});

// Paths that lose some of what is sent on them, which silence does not show: a slot on one is left for a source port that works,
// and no slot for what is lost at random, in bursts or by all alike (ZooRoute §8). Virtual time.
import { describe, expect, it } from 'vitest';
import { checkIdle } from '../../test/vswitch/conservation.ts';
import { frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { type World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { type Rng, SeededRng } from '../base/rng.ts';
import { SLOTS } from '../paths/path-table.ts';
import { PORT_HEALTHY } from '../paths/reroute/slow-table.ts';
import { SLOT_HEALTHY } from '../paths/slot-health.ts';
import { LEFT_LOSS } from '../paths/slot-history.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1], [2]] };
const MILLISECOND = 1000;
const SECOND = 1_000_000;
const MILLION = 1_000_000;
const LOSING = [2, 5, 9, 14];
const ALL = Array.from({ length: SLOTS }, (_, slot) => slot);

/** Frames that the first tenant sends every 100 µs: about 20,000 packets a second. */
const FRAMES = 2;

class Lossy {
  readonly world: World;
  readonly host: WorldHost;
  private readonly peer: WorldHost;
  private readonly rng: Rng;
  private sent = 0;
  lost = 0;

  constructor(seed: number) {
    this.rng = new SeededRng(seed);
    const { world, hosts } = worldOf([layout], { windowPackets: 1024 });
    this.world = world;
    [this.host, this.peer] = hosts as [WorldHost, WorldHost];
    this.stream(20 * MILLISECOND);
  }

  /** Source ports of the first host that lose so much from now on. */
  lose(ppmOf: (port: number, nowMicros: number) => number): void {
    const { world, rng } = this;
    world.loses = ({ from, slot }) => {
      const isLost = from === vtepOf(0) && rng.u32() % MILLION < ppmOf(slot, world.clock.nowMicros);
      if (isLost) this.lost++;
      return isLost;
    };
  }

  /** How long it took until it was so. */
  stream(micros: number, until: () => boolean = () => false): number {
    const begin = this.world.clock.nowMicros;
    while (this.world.clock.nowMicros < begin + micros && !until()) {
      for (let i = 0; i < FRAMES; i++, this.sent++)
        this.host.send(0, frameBetween(1, 2, { udp: {}, payload: numbered(900) }));
      this.world.pass(100);
    }
    return this.world.clock.nowMicros - begin;
  }

  get ports(): number[] {
    return ALL.map((slot) => this.host.vswitch.paths.candidateOf(0, slot));
  }

  get areHealthy(): boolean {
    return ALL.every((slot) => this.host.vswitch.paths.stateOf(0, slot) === SLOT_HEALTHY);
  }

  get moves(): number {
    return this.host.vswitch.pathCare.rerouting.movesOf(0);
  }

  check(): void {
    this.world.loses = () => false;
    this.world.pass(3 * SECOND);
    expect(this.peer.received[0]!.length).toBe(this.sent);
    for (const { vswitch, region } of [this.host, this.peer]) checkIdle(vswitch, region);
  }
}

describe.each([100_000, 200_000, 300_000])('a path that loses %i of a million packets', (ppm) => {
  it('is left in milliseconds for a source port that works, and stays left', () => {
    const lossy = new Lossy(ppm);
    lossy.lose((port) => (LOSING.includes(port) ? ppm : 0));
    expect(lossy.stream(SECOND, () => lossy.areHealthy && lossy.moves >= 2)).toBeLessThan(
      (ppm < 200_000 ? 200 : 100) * MILLISECOND,
    );
    lossy.stream(500 * MILLISECOND);
    const { lost, moves } = lossy;
    lossy.stream(500 * MILLISECOND);
    // A slot that is hardly used, which nothing is known of, may be asked by one that loses some.
    expect(lossy.lost - lost).toBeLessThan(5);
    expect(lossy.moves).toBe(moves);
    for (const port of LOSING.filter((each) => each < SLOTS)) {
      expect(lossy.ports).not.toContain(port);
      expect(lossy.host.vswitch.pathCare.candidates.stateOf(0, port)).not.toBe(PORT_HEALTHY);
    }
    lossy.check();
  });
});

describe('no slot is left', () => {
  it.each([1000, 10_000])('where all paths lose %i of a million packets at random', (ppm) => {
    const lossy = new Lossy(ppm);
    lossy.lose(() => ppm);
    lossy.stream(SECOND);
    expect({ ports: lossy.ports, moves: lossy.moves }).toEqual({ ports: ALL, moves: 0 });
    lossy.check();
  });

  it('where one path loses one of a hundred', () => {
    const lossy = new Lossy(3);
    lossy.lose((port) => (port === 2 ? 10_000 : 0));
    lossy.stream(SECOND);
    expect(lossy.ports).toEqual(ALL);
    lossy.check();
  });

  it('where a queue on the way is full now and then', () => {
    const lossy = new Lossy(4);
    // Half of what comes is lost for two milliseconds, twenty times a second.
    lossy.lose((port, now) => (port === 2 && now % (50 * MILLISECOND) < 2 * MILLISECOND ? 500_000 : 0));
    lossy.stream(SECOND);
    expect(lossy.ports).toEqual(ALL);
    lossy.check();
  });

  it('where all lose alike: another way does not help', () => {
    const lossy = new Lossy(5);
    lossy.lose(() => 200_000);
    lossy.stream(SECOND);
    // Probes that are lost one after the other still count.
    const left = lossy.host.vswitch.pathCare.decisions.all().filter(({ name }) => name === 'slot-left');
    expect(left.filter(({ why }) => why === LEFT_LOSS)).toEqual([]);
    lossy.check();
  });
});

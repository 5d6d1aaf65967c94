// Line cards that fail one after the other, each half of the ways of both directions, under requests and answers of eight
// connections: so little traffic that slots hear seldom of each other. Virtual time; ways are drawn for each source port.
import { expect, it } from 'vitest';
import { frameBetween, type Layout, vtepOf } from '../../test/vswitch/tenants.ts';
import { type World, type WorldHost, worldOf } from '../../test/vswitch/world.ts';
import { numbered } from '../../test/wire/frames.ts';
import { below, type Rng, SeededRng } from '../base/rng.ts';
import { CANDIDATES } from '../paths/path-table.ts';

const layout: Layout = { vni: 77, reliable: true, hosts: [[1], [2]] };
const MILLISECOND = 1000;
const SPINES = 4;
const CONNECTIONS = 8;
const INTERVAL_STEPS = 200;
const STEP_MICROS = 100;
const FIRST_PORT = 5000;
/** Of a frame from a vNIC: virtio_net_hdr, Ethernet and IPv4. */
const UDP_AT = 10 + 14 + 20;

class Requests {
  private readonly world: World;
  private readonly hosts: readonly WorldHost[];
  private readonly rng: Rng;
  private readonly broken = new Set<number>();
  private readonly answeredAt = new Float64Array(CONNECTIONS);
  private readonly gaps = new Float64Array(CONNECTIONS);
  private readonly isWaiting = new Uint8Array(CONNECTIONS);
  private step = 0;

  constructor(seed: number) {
    this.rng = new SeededRng(seed);
    const { world, hosts } = worldOf([layout], { windowPackets: 1024 });
    this.world = world;
    this.hosts = hosts;
    const draw = () => Array.from({ length: CANDIDATES }, () => below(this.rng, SPINES));
    const [there, back] = [draw(), draw()];
    world.loses = ({ from, slot }) => this.broken.has((from === vtepOf(0) ? there : back)[slot]!);
    this.pass(500 * MILLISECOND);
  }

  /** The longest time that a connection was not answered. */
  failCard(): number {
    const first = below(this.rng, SPINES);
    this.broken.add(first).add((first + 1 + below(this.rng, SPINES - 1)) % SPINES);
    this.gaps.fill(0);
    this.pass(1500 * MILLISECOND);
    this.broken.clear();
    const { nowMicros } = this.world.clock;
    for (const [connection, at] of this.answeredAt.entries()) this.note(connection, nowMicros - at);
    this.pass(1700 * MILLISECOND);
    return Math.max(...this.gaps);
  }

  private pass(micros: number): void {
    for (let left = micros; left > 0; left -= STEP_MICROS) {
      this.takeIn();
      for (let connection = 0; connection < CONNECTIONS; connection++) {
        const isDue = this.step % INTERVAL_STEPS === (connection * INTERVAL_STEPS) / CONNECTIONS;
        if (!isDue || this.isWaiting[connection] === 1) continue;
        this.isWaiting[connection] = 1;
        this.send(0, FIRST_PORT + connection);
      }
      this.step++;
      this.world.pass(STEP_MICROS);
    }
  }

  private takeIn(): void {
    const [client, server] = this.hosts.map(({ received }) => received[0]!.splice(0).map(portOf));
    for (const port of server!) this.send(1, port);
    for (const port of client!) {
      const connection = port - FIRST_PORT;
      const { nowMicros } = this.world.clock;
      if (this.answeredAt[connection]! > 0) this.note(connection, nowMicros - this.answeredAt[connection]!);
      this.answeredAt[connection] = nowMicros;
      this.isWaiting[connection] = 0;
    }
  }

  private note(connection: number, micros: number): void {
    this.gaps[connection] = Math.max(this.gaps[connection]!, micros);
  }

  private send(host: number, sourcePort: number): void {
    const frame = frameBetween(host + 1, 2 - host, { udp: { sourcePort }, payload: numbered(100) });
    this.hosts[host]!.send(0, frame);
  }
}

function portOf(frame: Uint8Array): number {
  return (frame[UDP_AT]! << 8) | frame[UDP_AT + 1]!;
}

it.each([3, 7, 9])(
  'each is got over in milliseconds, whatever the one before left behind (seed %i)',
  (seed) => {
    const requests = new Requests(seed);
    const gaps = Array.from({ length: 5 }, () => requests.failCard()).sort((a, b) => a - b);
    // Requests follow each other in 20 ms; where no way at all is left that slots are on, both ends search blindly.
    expect(gaps[2]).toBeLessThan(40 * MILLISECOND);
    expect(gaps.at(-1)).toBeLessThan(120 * MILLISECOND);
  },
);

// A region in virtual time: VTEPs with a rerouter each, and a fabric of spines between them that hashes on the outer source
// port, where any of them can be made to lose packets. Flows of tenants go by what the fast tables say.

import { bytesOf } from '../../base/bytes.ts';
import { SeededRng } from '../../base/rng.ts';
import { asIpv6, type Ipv6Address } from '../../wire/address.ts';
import type { LeavingPacket, ReroutingOptions } from './core.ts';
import { type FastEntry, selectPort } from './fast-select.ts';
import type { FastTableHolder } from './fast-table.ts';
import { Rerouter } from './rerouter.ts';
import { ROLE_HYPERVISOR } from './roles.ts';
import type { SavedRerouting } from './saved.ts';

export const SECOND = 1_000_000;
const FIRST_NOW = 1_000_000;

export interface Trip {
  readonly from: number;
  readonly to: number;
  readonly sourcePort: number;
}

interface Flying extends Trip {
  readonly at: number;
  readonly order: number;
  readonly octets: Uint8Array;
}

export class Region {
  now = FIRST_NOW;
  readonly spines: number;
  readonly hosts: (Rerouter | undefined)[];
  private readonly packetPaths: PacketPath[];
  /** Of every packet; return true to lose it. */
  loses: (trip: Trip & { readonly spine: number }) => boolean = () => false;
  oneWayMicros: (trip: Trip & { readonly spine: number }) => number = () => 50;
  hopLimit = 61;
  /** Sees and may replace what arrives. */
  tamper: (octets: Uint8Array, trip: Trip) => Uint8Array = (octets) => octets;
  /** Hosts whose process sleeps: what arrives waits. */
  readonly asleep = new Set<number>();
  sent = 0;
  readonly rng: SeededRng;
  private readonly seed: number;
  private flying: Flying[] = [];
  private order = 0;

  /** `speaks` says which of the hosts take part at all. */
  constructor(
    hosts: number,
    options: {
      readonly seed?: number;
      readonly spines?: number;
      readonly speaks?: (host: number) => boolean;
      readonly each?: (host: number) => Partial<ReroutingOptions>;
    } = {},
  ) {
    this.seed = options.seed ?? 1;
    this.spines = options.spines ?? 4;
    this.rng = new SeededRng(this.seed);
    this.packetPaths = Array.from({ length: hosts }, () => new PacketPath());
    this.hosts = Array.from({ length: hosts }, (_, host) =>
      options.speaks?.(host) === false ? undefined : this.start(host, options.each?.(host)),
    );
  }

  /** Another process in a host's place. */
  restart(host: number, old?: SavedRerouting): void {
    const rerouter = this.start(host, undefined, old);
    this.hosts[host] = rerouter;
    this.packetPaths[host] = new PacketPath();
    rerouter.fast.drain(this.packetPaths[host]!);
  }

  addressOf(host: number): number {
    return 0x0a000001 + host;
  }

  /** The spine that a packet passes: leaves hash with seeds of their own. */
  spineOf({ from, to, sourcePort }: Trip): number {
    return new SeededRng(this.seed * 7919 + from * 104_729 + to * 1299_709 + sourcePort).u32() % this.spines;
  }

  /** The source port of a tenant's flow now, and that it is used. */
  flow(from: number, to: number, kernelPort: number): number {
    const port = this.portOf(from, to, kernelPort);
    this.hosts[from]!.used(this.now, this.addressOf(to), port);
    return port;
  }

  portOf(from: number, to: number, kernelPort: number): number {
    return this.packetPaths[from]!.select(this.addressOf(to), kernelPort);
  }

  /** Whether a flow's packets get there now. */
  works(from: number, to: number, kernelPort: number): boolean {
    const trip = { from, to, sourcePort: this.portOf(from, to, kernelPort) };
    return !this.loses({ ...trip, spine: this.spineOf(trip) });
  }

  pass(seconds: number, each: () => void = () => {}): void {
    this.passUntil(() => false, seconds, each);
  }

  /** Until it is so, for `seconds` at most; `each` is called every 100 ms, for traffic. */
  passUntil(isSo: () => boolean, seconds: number, each: () => void = () => {}): boolean {
    const end = this.now + seconds * SECOND;
    let nextEach = this.now;
    for (;;) {
      if (this.now >= nextEach) {
        each();
        nextEach = this.now + SECOND / 10;
      }
      this.turn();
      if (isSo()) return true;
      const next = Math.min(nextEach, this.nextTimeout());
      if (Math.min(next, end) === end) {
        this.now = end;
        this.turn();
        return isSo();
      }
      this.now = Math.max(next, this.now + 1);
    }
  }

  private turn(): void {
    const arriving = this.flying
      .filter(({ at, to }) => at <= this.now && !this.asleep.has(to))
      .sort((a, b) => a.at - b.at || a.order - b.order);
    const arrived = new Set(arriving);
    if (arriving.length > 0) this.flying = this.flying.filter((packet) => !arrived.has(packet));
    for (const packet of arriving) this.arrive(packet);
    for (const [host, rerouter] of this.hosts.entries()) {
      if (rerouter === undefined || this.asleep.has(host)) continue;
      rerouter.advance(this.now);
      rerouter.transmit(this.now, (packet) => this.send(host, packet));
      rerouter.fast.drain(this.packetPaths[host]!);
    }
  }

  private nextTimeout(): number {
    const awake = this.hosts.filter((_, host) => !this.asleep.has(host));
    const flying = this.flying.filter(({ to }) => !this.asleep.has(to));
    return Math.min(
      ...awake.map((rerouter) => rerouter?.nextTimeout() ?? Number.POSITIVE_INFINITY),
      ...flying.map(({ at }) => at),
    );
  }

  private arrive({ from, to, sourcePort, octets, at }: Flying): void {
    const rerouter = this.hosts[to];
    const taken = this.tamper(octets, { from, to, sourcePort });
    rerouter?.receive(this.now, {
      source: this.addressOf(from),
      sourcePort,
      hopLimit: this.hopLimit,
      bytes: bytesOf(taken),
      at: 0,
      length: taken.length,
      receivedMicros: at,
    });
  }

  private send(from: number, packet: LeavingPacket): boolean {
    this.sent++;
    const to = Number(packet.destination) - this.addressOf(0);
    const trip = { from, to, sourcePort: packet.sourcePort };
    const onTheWay = { ...trip, spine: this.spineOf(trip) };
    if (this.loses(onTheWay)) return true;
    const octets = packet.bytes.u8.slice(0, packet.length);
    this.flying.push({ ...trip, octets, at: this.now + this.oneWayMicros(onTheWay), order: this.order++ });
    return true;
  }

  private start(host: number, options?: Partial<ReroutingOptions>, old?: SavedRerouting): Rerouter {
    const all = {
      address: this.addressOf(host),
      role: ROLE_HYPERVISOR,
      backend: 0,
      secret: [this.rng.u32(), this.rng.u32(), this.rng.u32(), this.rng.u32()],
      processId: this.rng.u32(),
      ...options,
    } as const;
    return new Rerouter(this.now, all, old);
  }
}

/** A host's packet path: it knows what it was told. */
class PacketPath implements FastTableHolder {
  private readonly entries = new Map<string, FastEntry>();
  private states = new Uint8Array(1 << 12);

  remove(destination: Ipv6Address): void {
    this.entries.delete(String(destination));
  }

  store(element: number, low: number, high: number): void {
    const view = new DataView(this.states.buffer);
    view.setUint32(element * 8, low, true);
    view.setUint32(element * 8 + 4, high, true);
  }

  place(destination: Ipv6Address, entry: FastEntry): void {
    this.entries.set(String(destination), entry);
  }

  select(destination: number, kernelPort: number): number {
    const entry = this.entries.get(String(asIpv6(destination)));
    const chosen = entry === undefined ? 0 : selectPort(this.states, entry, kernelPort);
    return chosen === 0 ? kernelPort : chosen;
  }
}

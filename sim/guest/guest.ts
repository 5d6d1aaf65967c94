// A tenant's machine: one interface, one address, TCP. It knows its neighbours' MACs; what answers ARP in a real
// tenant's network, the switch, is not asked.

import type { Rng } from '../../src/base/rng.ts';
import type { Ipv4Address, Mac } from '../../src/wire/address.ts';
import type { Clock } from '../clock.ts';
import { Connection, type StackOptions } from './connection.ts';
import { type Endpoint, SegmentReader, SYN } from './segment.ts';

export interface Neighbor {
  readonly mac: Mac;
  readonly address: Ipv4Address;
}

const FIRST_CLIENT_PORT = 32_768;

export class Guest {
  readonly place: Neighbor;
  /** Frames that were no segment for this machine. */
  rejected = 0;
  private readonly clock: Clock;
  private readonly rng: Rng;
  private readonly options: StackOptions;
  private readonly out: (frame: Uint8Array) => void;
  /** By local port, then by remote address and port. */
  private readonly connections = new Map<number, Map<number, Connection>>();
  private readonly listeners = new Map<number, (connection: Connection) => void>();
  private readonly reader = new SegmentReader();
  private nextPort = FIRST_CLIENT_PORT;

  constructor(
    clock: Clock,
    rng: Rng,
    place: Neighbor,
    options: StackOptions,
    out: (frame: Uint8Array) => void,
  ) {
    this.clock = clock;
    this.rng = rng;
    this.place = place;
    this.options = options;
    this.out = out;
  }

  /** Calls `accept` with every connection that is asked for on a port, before its first data. */
  listen(port: number, accept: (connection: Connection) => void): void {
    this.listeners.set(port, accept);
  }

  connect(neighbor: Neighbor, port: number): Connection {
    const local = { ...this.place, port: this.nextPort++ };
    const { mac, address } = neighbor;
    return this.add(local, { mac, address, port }, true);
  }

  receive(frame: Uint8Array): void {
    const { reader } = this;
    if (!reader.aim(frame) || reader.frame.ipv4.destination !== this.place.address) {
      this.rejected++;
      return;
    }
    const { sourcePort, destinationPort, flags } = reader.tcp;
    const address = reader.frame.ipv4.source;
    let connection = this.connections.get(destinationPort)?.get(remoteKey(address, sourcePort));
    if (connection === undefined) {
      const accept = this.listeners.get(destinationPort);
      if (accept === undefined || flags !== SYN) {
        this.rejected++;
        return;
      }
      const remote = { mac: reader.frame.ethernet.source, address, port: sourcePort };
      connection = this.add({ ...this.place, port: destinationPort }, remote, false);
      accept(connection);
    }
    connection.receive(reader);
  }

  private add(local: Endpoint, remote: Endpoint, isClient: boolean): Connection {
    const { clock, options, out } = this;
    const isn = this.rng.u32();
    const connection = new Connection(clock, { ...options, local, remote, isClient, isn }, out);
    const ofPort = this.connections.get(local.port) ?? new Map<number, Connection>();
    ofPort.set(remoteKey(remote.address, remote.port), connection);
    this.connections.set(local.port, ofPort);
    return connection;
  }
}

function remoteKey(address: Ipv4Address, port: number): number {
  return address * 0x1_0000 + port;
}

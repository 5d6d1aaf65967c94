// Requests and responses that are to be sent (BIFROST §5.3), each once: what a row is to say, and how it is written. When is
// decided in handshake.ts. A request takes another slot each time, so that a dead one costs one retry.

import { LANE_ALONE, type Outbox } from '../packet/outbox.ts';
import { SLOTS } from '../paths/path-table.ts';
import {
  CONNECT_PACKET_BYTES,
  type ConnectPacketType,
  writeConnectHeader,
  writeConnectMacs,
} from '../wire/bifrost-connect.ts';
import {
  PACKET_CONNECTION_REQUEST,
  PACKET_CONNECTION_RESPONSE,
  SPOKEN_VERSIONS,
} from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../wire/vxlan.ts';
import type { TransportContext } from './types.ts';

export interface HandshakePacketsState {
  readonly responses: Set<number>;
  readonly requests: Set<number>;
}

export class HandshakePackets {
  private readonly context: TransportContext;
  private readonly responses: Set<number>;
  private readonly requests: Set<number>;

  constructor(context: TransportContext, old?: HandshakePacketsState) {
    this.context = context;
    this.responses = old?.responses ?? new Set();
    this.requests = old?.requests ?? new Set();
  }

  save(): HandshakePacketsState {
    const { responses, requests } = this;
    return { responses, requests };
  }

  get pending(): boolean {
    return this.responses.size > 0 || this.requests.size > 0;
  }

  request(row: number): void {
    this.requests.add(row);
  }

  cancelRequest(row: number): void {
    this.requests.delete(row);
  }

  respond(row: number): void {
    this.responses.add(row);
  }

  /** Writes what is to be said, as far as `out` has room. */
  transmit(out: Outbox): void {
    const { connections, paths } = this.context;
    for (const row of this.requests) {
      if (out.room === 0) return;
      this.requests.delete(row);
      const turn = (connections.localCid[row]! + connections.attempts[row]!) % SLOTS;
      this.write(row, PACKET_CONNECTION_REQUEST, 0, paths.next(connections.peer[row]!, turn), out);
    }
    for (const row of this.responses) {
      if (out.room === 0) return;
      this.responses.delete(row);
      const slot = paths.next(connections.peer[row]!, this.context.rng.u32() % SLOTS);
      this.write(row, PACKET_CONNECTION_RESPONSE, connections.remoteCid[row]!, slot, out);
    }
  }

  private write(row: number, type: ConnectPacketType, remoteCid: number, slot: number, out: Outbox): void {
    const { connections, pairs, options, region } = this.context;
    const { view } = region.bytes;
    const pair = connections.pair[row]!;
    const at = out.headerEnd() - CONNECT_PACKET_BYTES;
    const cid = connections.localCid[row]!;
    const { newest } = options.versions ?? SPOKEN_VERSIONS;
    writeConnectHeader(
      view,
      at,
      type,
      options.threadId,
      pairs.featuresOf(pair),
      cid,
      remoteCid,
      connections.congestion[row]!.ccType,
      type === PACKET_CONNECTION_REQUEST ? newest : connections.version[row],
    );
    writeConnectMacs(view, at, pairs.localMac(pair), pairs.remoteMac(pair));
    writeVxlanBifrostHeader(view, at - VXLAN_HEADER_BYTES, connections.vni[row]!);
    out.add(connections.peer[row]!, slot, VXLAN_HEADER_BYTES + CONNECT_PACKET_BYTES, 0, 0, LANE_ALONE);
  }
}

// Packets that say something of a connection without belonging to one: resets, and closes. They are said once; what they
// answer is repeated when they are lost.

import { LANE_ALONE, type Outbox } from '../packet/outbox.ts';
import { CONNECT_HEADER_BYTES, writeConnectHeader } from '../wire/bifrost-connect.ts';
import { CC_CONSTANT_WINDOW, type PACKET_CLOSE, type PACKET_RESET } from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES, writeVxlanBifrostHeader } from '../wire/vxlan.ts';
import type { TransportContext } from './types.ts';

export interface Notice {
  readonly type: typeof PACKET_CLOSE | typeof PACKET_RESET;
  readonly version: number;
  readonly peer: number;
  readonly vni: number;
  readonly slot: number;
  readonly localCid: number;
  readonly destinationCid: number;
  /** CLOSE_…, or 0. */
  readonly reason: number;
}

/** Remembered in one turn for packets that anybody may send: an answer to a flood must not multiply it. */
const MAX_ANSWERS = 16;

export class Notices {
  private readonly context: TransportContext;
  private readonly waiting: Notice[];

  constructor(context: TransportContext, old: readonly Notice[] = []) {
    this.context = context;
    this.waiting = [...old];
  }

  save(): readonly Notice[] {
    return this.waiting;
  }

  get pending(): boolean {
    return this.waiting.length > 0;
  }

  /** Of our own accord: as many as there are connections. */
  say(notice: Notice): void {
    this.waiting.push(notice);
  }

  answer(notice: Notice): void {
    if (this.waiting.length < MAX_ANSWERS) this.waiting.push(notice);
  }

  transmit(out: Outbox): void {
    const { options, region } = this.context;
    const { view } = region.bytes;
    while (this.waiting.length > 0 && out.room > 0) {
      const { type, version, peer, vni, slot, localCid, destinationCid, reason } = this.waiting.pop()!;
      const at = out.headerEnd() - CONNECT_HEADER_BYTES;
      const { threadId } = options;
      writeConnectHeader(
        view,
        at,
        type,
        threadId,
        reason,
        localCid,
        destinationCid,
        CC_CONSTANT_WINDOW,
        version,
      );
      writeVxlanBifrostHeader(view, at - VXLAN_HEADER_BYTES, vni);
      out.add(peer, slot, VXLAN_HEADER_BYTES + CONNECT_HEADER_BYTES, 0, 0, LANE_ALONE);
    }
  }
}

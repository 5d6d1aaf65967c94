// The windows of the connection table's rows, a thousand times as large as a row: a row has them only while it is used, and
// they come from a pool (BIFROST §4.4, resource pooling). A connection at rest is two PSNs.

import { grown } from '../base/columns.ts';
import type { CongestionAlgorithm } from '../congestion/controller.ts';
import { ReceiveWindow, type ReceiveWindowState } from './receive-window.ts';
import { SendWindow, type SendWindowState } from './send-window.ts';

/** Rows that there is room for at first. */
export const FIRST_ROWS = 16;
/** Windows kept for the next connections, besides as many as are in use. */
const MIN_POOL = 16;
const POOLED_PLACES = 512;

/** Where the directions of a connection are. */
export interface ConnectionPsns {
  /** Oldest unacknowledged, next to transmit, next to give. */
  readonly una: number;
  readonly txNext: number;
  readonly next: number;
  /** Everything below is received; one above the newest received. */
  readonly base: number;
  readonly end: number;
}

export interface RowWindowsState {
  readonly send: readonly (SendWindowState | undefined)[];
  readonly receive: readonly (ReceiveWindowState | undefined)[];
  readonly sendPsn: Uint32Array;
  readonly receivePsn: Uint32Array;
  readonly used: Uint8Array;
  readonly awakeRows: Set<number>;
  readonly sendPool: readonly SendWindowState[];
  readonly receivePool: readonly ReceiveWindowState[];
}

export class RowWindows {
  /** A row has both or none; `awaken` brings them. */
  readonly send: (SendWindow | undefined)[];
  readonly receive: (ReceiveWindow | undefined)[];
  readonly awakeRows: Set<number>;
  /** Where the directions go on, of rows without windows. */
  private sendPsn: Uint32Array;
  private receivePsn: Uint32Array;
  /** 1 when the windows were used since the last look. */
  private used: Uint8Array;
  private readonly sendPool: SendWindow[];
  private readonly receivePool: ReceiveWindow[];
  private readonly windowPackets: number;

  constructor(windowPackets: number, old?: RowWindowsState) {
    this.windowPackets = windowPackets;
    this.send = (old?.send ?? []).map((window) => window && new SendWindow(window.limit, window));
    this.receive = (old?.receive ?? []).map((window) => window && new ReceiveWindow(window));
    this.sendPsn = old?.sendPsn ?? new Uint32Array(FIRST_ROWS);
    this.receivePsn = old?.receivePsn ?? new Uint32Array(FIRST_ROWS);
    this.used = old?.used ?? new Uint8Array(FIRST_ROWS);
    this.awakeRows = old?.awakeRows ?? new Set();
    this.sendPool = (old?.sendPool ?? []).map((window) => new SendWindow(window.limit, window));
    this.receivePool = (old?.receivePool ?? []).map((window) => new ReceiveWindow(window));
  }

  save(): RowWindowsState {
    const { sendPsn, receivePsn, used, awakeRows } = this;
    return {
      send: this.send.map((window) => window?.save()),
      receive: this.receive.map((window) => window?.save()),
      sendPool: this.sendPool.map((window) => window.save()),
      receivePool: this.receivePool.map((window) => window.save()),
      sendPsn,
      receivePsn,
      used,
      awakeRows,
    };
  }

  /** Calls `visit` with every offset that a reference is held for. */
  eachHeld(visit: (offset: number) => void): void {
    for (const window of this.send) window?.eachHeld(visit);
    for (const window of this.receive) window?.eachHeld(visit);
  }

  grow(rows: number): void {
    this.sendPsn = grown(new Uint32Array(rows), this.sendPsn);
    this.receivePsn = grown(new Uint32Array(rows), this.receivePsn);
    this.used = grown(new Uint8Array(rows), this.used);
  }

  psnsOf(row: number): ConnectionPsns {
    const send = this.send[row];
    const receive = this.receive[row];
    const sent = this.sendPsn[row]!;
    const received = this.receivePsn[row]!;
    return {
      una: send?.una ?? sent,
      txNext: send?.txNext ?? sent,
      next: send?.next ?? sent,
      base: receive?.base ?? received,
      end: receive?.end ?? received,
    };
  }

  /** Those in the pool included. */
  get count(): number {
    return this.awakeRows.size + this.sendPool.length;
  }

  begin(row: number, sendPsn: number, receivePsn: number): void {
    this.sendPsn[row] = sendPsn;
    this.receivePsn[row] = receivePsn;
  }

  nextPsn(row: number): number {
    return this.send[row]?.next ?? this.sendPsn[row]!;
  }

  basePsn(row: number): number {
    return this.receive[row]?.base ?? this.receivePsn[row]!;
  }

  awaken(row: number, congestion: CongestionAlgorithm): void {
    this.used[row] = 1;
    if (this.send[row] !== undefined) return;
    const send = this.sendPool.pop() ?? new SendWindow(this.windowPackets);
    const receive = this.receivePool.pop() ?? new ReceiveWindow();
    send.reset(this.sendPsn[row]!);
    receive.reset(this.receivePsn[row]!);
    // What it knew of the paths before a rest is old by now.
    send.congestion = congestion.create();
    this.send[row] = send;
    this.receive[row] = receive;
    this.awakeRows.add(row);
  }

  rest(): void {
    for (const row of this.awakeRows) {
      if (this.used[row] === 0 && this.send[row]!.isIdle && this.receive[row]!.isIdle) this.putToRest(row);
      this.used[row] = 0;
    }
    // What many connections needed at the same time once is not kept for ever.
    const most = Math.max(MIN_POOL, this.awakeRows.size);
    if (this.sendPool.length <= most) return;
    this.sendPool.length = most;
    this.receivePool.length = most;
  }

  putToRest(row: number): void {
    const send = this.send[row];
    const receive = this.receive[row];
    if (send === undefined || receive === undefined) return;
    send.congestion.close?.();
    this.sendPsn[row] = send.next;
    this.receivePsn[row] = receive.end;
    // Those that grew for a bulk transfer are not for the next connection to keep.
    if (send.mask < POOLED_PLACES && receive.mask < POOLED_PLACES) {
      this.sendPool.push(send);
      this.receivePool.push(receive);
    }
    this.send[row] = undefined;
    this.receive[row] = undefined;
    this.awakeRows.delete(row);
  }
}

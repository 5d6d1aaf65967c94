// All that a transport holds between two calls, as plain data: what one of newer code goes on from.

import type { TimerWheelState } from '../base/timer-wheel.ts';
import type { FrameQueueState } from '../packet/pieces.ts';
import type { ChunkWriterState } from '../packet/writer.ts';
import type { ConnectionTableState } from './connections.ts';
import type { HandshakeState } from './handshake.ts';
import type { Notice } from './notices.ts';
import type { ReceivedProbe } from './prober.ts';
import type { RowSetState } from './row-set.ts';
import type { TransportCounters } from './types.ts';

export interface TransportState {
  readonly counters: TransportCounters;
  readonly connections: ConnectionTableState;
  readonly timers: TimerWheelState;
  readonly hold: ChunkWriterState;
  readonly handshake: HandshakeState;
  readonly notices: readonly Notice[];
  readonly ready: RowSetState;
  readonly deliverable: RowSetState;
  readonly probesReceived: readonly ReceivedProbe[];
  readonly restDue: number;
  readonly returned: readonly {
    readonly pair: number;
    readonly frames: FrameQueueState;
    readonly again: boolean;
  }[];
}

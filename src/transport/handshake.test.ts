// The state machine of connection establishment, every event in every state: where it leads, whether our CID is
// another one afterwards, and what is said (BIFROST §5.2, §5.3, §7.2).

import { describe, expect, it } from 'vitest';
import { TwoHostPairs } from '../../sim/pairs.ts';
import { SeededRng } from '../base/rng.ts';
import { Outbox, PACKET_WORDS } from '../packet/outbox.ts';
import { localMemory, type Memory, Region } from '../packet/region.ts';
import { PathTable } from '../paths/path-table.ts';
import { writeAckHeader, writeAckWindow } from '../wire/bifrost-ack.ts';
import {
  CLOSE_IDLE,
  CLOSE_NO_VERSION,
  CLOSE_STOPPED,
  CLOSE_UNKNOWN_PAIR,
  CONNECT_PACKET_BYTES,
  type ConnectPacketType,
  FEATURE_SUPER_FRAMES,
  writeConnectHeader,
  writeConnectMacs,
} from '../wire/bifrost-connect.ts';
import {
  PACKET_CLOSE,
  PACKET_CONNECTION_REQUEST,
  PACKET_CONNECTION_RESPONSE,
  PACKET_RESET,
} from '../wire/bifrost-types.ts';
import { VXLAN_HEADER_BYTES } from '../wire/vxlan.ts';
import { CONNECTION_STATE_NAMES, firstPsn } from './connections.ts';
import { Transport } from './transport.ts';

const PACKET_NAMES = ['', 'data', 'ack', 'request', 'response', 'reset', 'close'];
const RESULTS = ['taken', 'wait', 'plain', 'cut'];
const FROM_THE_FUTURE = 9;
const PEER_CID = 0x7700_0001;
const OTHER_CID = 0x7700_0002;
const VNI = 100;

let memory: Memory | undefined;

/** One transport whose peer is the test. */
class Rig {
  now = 1_000_000;
  readonly region: Region;
  readonly transport: Transport;
  private readonly outbox = new Outbox();
  private readonly pairs = new TwoHostPairs(0, 1, { pairs: 1 });
  private readonly at: number;
  private readonly sent: string[] = [];

  constructor() {
    memory ??= localMemory(4);
    this.region = new Region(memory);
    this.at = this.region.take();
    const paths = new PathTable(this.now);
    paths.addPeer();
    this.transport = new Transport(
      { payloadBytes: 1400, windowPackets: 512, threadId: 0, sprayPackets: 50 },
      { region: this.region, rng: new SeededRng(1), paths, pairs: this.pairs, nowMicros: this.now },
    );
  }

  get state(): string {
    return CONNECTION_STATE_NAMES[this.transport.connections.state[0] ?? 0]!;
  }

  get cid(): number {
    return this.transport.connections.localCid[0]!;
  }

  frame(): string {
    this.region.retain(this.at, 1);
    const result = this.transport.send(this.now, 0, this.at, 100);
    if (result !== 0) this.region.release(this.at);
    return RESULTS[result]!;
  }

  /** `features` is the reason of a close. */
  hear(
    type: ConnectPacketType,
    localCid: number,
    destinationCid: number,
    features = FEATURE_SUPER_FRAMES,
    version = 1,
  ): void {
    const { bytes } = this.region;
    writeConnectHeader(bytes.view, this.at, type, 0, features, localCid, destinationCid, 0, version);
    // As the peer sees the pair of vNICs.
    writeConnectMacs(bytes.view, this.at, this.pairs.remoteMac(0), this.pairs.localMac(0));
    this.transport.receive(this.now, 0, VNI, this.at, CONNECT_PACKET_BYTES, this.now, 0, true);
  }

  /** Lets time pass as the transport asks, without a word from the peer. */
  pass(micros: number): void {
    const end = this.now + micros;
    while (this.transport.nextTimeout() <= end) this.step();
    this.now = end;
  }

  /** To the next moment at which the transport wants to do something. */
  step(): void {
    this.now = Math.max(this.transport.nextTimeout(), this.now + 1);
    this.turn();
  }

  /** Says that the connection is there. */
  answerProbes(): void {
    const { bytes } = this.region;
    const base = firstPsn(PEER_CID);
    writeAckHeader(bytes.view, this.at, 0, true, 0, 0, base, this.cid, 1, 1, 1);
    const length = writeAckWindow(bytes.view, this.at, 0, 0, 0, base, new Uint32Array(8), 0, 0);
    this.transport.receive(this.now, 0, VNI, this.at, length, this.now, 0, true);
  }

  turn(): void {
    this.transport.advance(this.now);
    this.outbox.clear();
    this.transport.transmit(this.now, this.outbox);
    this.sent.push(...this.namesSent());
  }

  /** Names of the packets sent since the last call. */
  said(): string {
    this.turn();
    return this.sent.splice(0).join(', ');
  }

  private namesSent(): string[] {
    return Array.from({ length: this.outbox.packetCount }, (_, i) => {
      const header = this.outbox.packets[i * PACKET_WORDS]!;
      return PACKET_NAMES[this.region.bytes.u8[header + VXLAN_HEADER_BYTES]!]!;
    });
  }
}

const states: Record<string, (rig: Rig) => void> = {
  closed: () => {},
  requested: (rig) => rig.frame(),
  'established (asked)': (rig) => {
    rig.frame();
    rig.hear(PACKET_CONNECTION_RESPONSE, PEER_CID, rig.cid);
  },
  'established (was asked)': (rig) => rig.hear(PACKET_CONNECTION_REQUEST, PEER_CID, 0),
  plain: (rig) => {
    rig.frame();
    rig.pass(200_000);
  },
  'closed by a stop': (rig) => {
    rig.hear(PACKET_CONNECTION_REQUEST, PEER_CID, 0);
    rig.turn();
    rig.hear(PACKET_CLOSE, PEER_CID, rig.cid, CLOSE_STOPPED);
  },
  closing: (rig) => {
    rig.hear(PACKET_CONNECTION_REQUEST, PEER_CID, 0);
    rig.turn();
    // Longer than connections are kept that nobody uses.
    while (rig.state === 'established') {
      rig.step();
      rig.answerProbes();
    }
  },
};

const events: Record<string, (rig: Rig) => string | undefined> = {
  'frame to send': (rig) => rig.frame(),
  'request, known CID': (rig) => void rig.hear(PACKET_CONNECTION_REQUEST, PEER_CID, 0),
  'request, another CID': (rig) => void rig.hear(PACKET_CONNECTION_REQUEST, OTHER_CID, 0),
  response: (rig) => void rig.hear(PACKET_CONNECTION_RESPONSE, PEER_CID, rig.cid),
  'response to an old CID': (rig) => void rig.hear(PACKET_CONNECTION_RESPONSE, PEER_CID, 77),
  "reset of the peer's CID": (rig) => void rig.hear(PACKET_RESET, 0, PEER_CID),
  'reset of another CID': (rig) => void rig.hear(PACKET_RESET, 0, 77),
  'request of a newer version': (rig) =>
    void rig.hear(PACKET_CONNECTION_REQUEST, OTHER_CID, 0, FEATURE_SUPER_FRAMES, FROM_THE_FUTURE),
  'response of a newer version': (rig) =>
    void rig.hear(PACKET_CONNECTION_RESPONSE, PEER_CID, rig.cid, FEATURE_SUPER_FRAMES, FROM_THE_FUTURE),
  'response without features': (rig) => void rig.hear(PACKET_CONNECTION_RESPONSE, PEER_CID, rig.cid, 0),
  'refusal: no such vNICs': (rig) => void rig.hear(PACKET_CLOSE, 0, rig.cid || 1, CLOSE_UNKNOWN_PAIR),
  'refusal: no version': (rig) => void rig.hear(PACKET_CLOSE, 0, rig.cid || 1, CLOSE_NO_VERSION),
  'close: idle': (rig) => void rig.hear(PACKET_CLOSE, PEER_CID, rig.cid || 1, CLOSE_IDLE),
  'close: stopped': (rig) => void rig.hear(PACKET_CLOSE, PEER_CID, rig.cid || 1, CLOSE_STOPPED),
  'frame, then close: stopped': (rig) => {
    const result = rig.frame();
    rig.turn();
    rig.hear(PACKET_CLOSE, PEER_CID, rig.cid, CLOSE_STOPPED);
    return result;
  },
  'close of another CID': (rig) => void rig.hear(PACKET_CLOSE, OTHER_CID, rig.cid || 1, CLOSE_IDLE),
  stop: (rig) => void rig.transport.stop(rig.now),
  '25 ms': (rig) => void rig.pass(25_000),
  '31 s': (rig) => void rig.pass(31_000_000),
  '90 s': (rig) => void rig.pass(90_000_000),
  'frame, then 4 s of silence': (rig) => {
    const result = rig.frame();
    rig.turn();
    rig.pass(4_000_000);
    return result;
  },
};

function summary(said: string): string {
  return said.length > 60 ? `${said.slice(0, 40)}, …` : said;
}

function table(): string {
  const lines: string[] = [];
  for (const [from, begin] of Object.entries(states)) {
    for (const [event, happen] of Object.entries(events)) {
      const rig = new Rig();
      begin(rig);
      rig.said();
      const cid = rig.cid;
      const result = happen(rig);
      const said = summary(rig.said());
      const renewed = cid !== 0 && rig.cid !== cid ? ' anew' : '';
      lines.push(
        `${from.padEnd(24)}${event.padEnd(29)}${(rig.state + renewed).padEnd(17)}${(result ?? '').padEnd(7)}${said}`.trimEnd(),
      );
    }
  }
  return lines.join('\n');
}

describe('the state machine', () => {
  it('is this', () => {
    expect(table()).toMatchInlineSnapshot(`
      "closed                  frame to send                requested        wait   request
      closed                  request, known CID           established             response
      closed                  request, another CID         established             response
      closed                  response                     closed
      closed                  response to an old CID       closed
      closed                  reset of the peer's CID      closed
      closed                  reset of another CID         closed
      closed                  request of a newer version   established             response
      closed                  response of a newer version  closed
      closed                  response without features    closed
      closed                  refusal: no such vNICs       closed
      closed                  refusal: no version          closed
      closed                  close: idle                  closed                  reset
      closed                  close: stopped               closed                  reset
      closed                  frame, then close: stopped   requested        wait   request
      closed                  close of another CID         closed                  reset
      closed                  stop                         closed
      closed                  25 ms                        closed
      closed                  31 s                         closed
      closed                  90 s                         closed
      closed                  frame, then 4 s of silence   plain            wait   request, request, request, request, requ, …
      requested               frame to send                requested        wait
      requested               request, known CID           established             response
      requested               request, another CID         established             response
      requested               response                     established
      requested               response to an old CID       requested
      requested               reset of the peer's CID      requested
      requested               reset of another CID         requested
      requested               request of a newer version   established             response
      requested               response of a newer version  plain                   close
      requested               response without features    established
      requested               refusal: no such vNICs       plain
      requested               refusal: no version          plain
      requested               close: idle                  requested
      requested               close: stopped               requested
      requested               frame, then close: stopped   requested        wait
      requested               close of another CID         requested
      requested               stop                         closed
      requested               25 ms                        requested               request
      requested               31 s                         plain                   request, request, request, request, requ, …
      requested               90 s                         plain                   request, request, request, request, requ, …
      requested               frame, then 4 s of silence   plain            wait   request, request, request, request, requ, …
      established (asked)     frame to send                established      taken  data
      established (asked)     request, known CID           established             response
      established (asked)     request, another CID         established             data
      established (asked)     response                     established
      established (asked)     response to an old CID       established
      established (asked)     reset of the peer's CID      requested anew          request
      established (asked)     reset of another CID         established
      established (asked)     request of a newer version   established             data
      established (asked)     response of a newer version  established
      established (asked)     response without features    established
      established (asked)     refusal: no such vNICs       established
      established (asked)     refusal: no version          plain anew
      established (asked)     close: idle                  closed anew             close
      established (asked)     close: stopped               closed anew             close
      established (asked)     frame, then close: stopped   requested anew   taken  data, request, close
      established (asked)     close of another CID         established
      established (asked)     stop                         closing                 close
      established (asked)     25 ms                        established
      established (asked)     31 s                         established             data, data
      established (asked)     90 s                         closed anew             data, data, data, data, data
      established (asked)     frame, then 4 s of silence   plain anew       taken  data, data, data, data, data, data, data, …
      established (was asked) frame to send                established      taken  data
      established (was asked) request, known CID           established             response
      established (was asked) request, another CID         established             data
      established (was asked) response                     established
      established (was asked) response to an old CID       established
      established (was asked) reset of the peer's CID      requested anew          request
      established (was asked) reset of another CID         established
      established (was asked) request of a newer version   established             data
      established (was asked) response of a newer version  established
      established (was asked) response without features    established
      established (was asked) refusal: no such vNICs       established
      established (was asked) refusal: no version          plain anew
      established (was asked) close: idle                  closed anew             close
      established (was asked) close: stopped               closed anew             close
      established (was asked) frame, then close: stopped   requested anew   taken  data, request, close
      established (was asked) close of another CID         established
      established (was asked) stop                         closing                 close
      established (was asked) 25 ms                        established
      established (was asked) 31 s                         established             data, data
      established (was asked) 90 s                         closed anew             data, data, data, data, data
      established (was asked) frame, then 4 s of silence   plain anew       taken  data, data, data, data, data, data, data, …
      plain                   frame to send                plain            plain
      plain                   request, known CID           established             response
      plain                   request, another CID         established             response
      plain                   response                     established
      plain                   response to an old CID       plain
      plain                   reset of the peer's CID      plain
      plain                   reset of another CID         plain
      plain                   request of a newer version   established             response
      plain                   response of a newer version  plain                   close
      plain                   response without features    established
      plain                   refusal: no such vNICs       plain
      plain                   refusal: no version          plain
      plain                   close: idle                  plain
      plain                   close: stopped               plain
      plain                   frame, then close: stopped   plain            plain
      plain                   close of another CID         plain
      plain                   stop                         closed
      plain                   25 ms                        plain
      plain                   31 s                         plain                   request, request, request, request, requ, …
      plain                   90 s                         plain                   request, request, request, request, requ, …
      plain                   frame, then 4 s of silence   plain            plain  request, request, request, request, request
      closed by a stop        frame to send                requested        wait   request
      closed by a stop        request, known CID           established             response
      closed by a stop        request, another CID         established             response
      closed by a stop        response                     closed
      closed by a stop        response to an old CID       closed
      closed by a stop        reset of the peer's CID      closed
      closed by a stop        reset of another CID         closed
      closed by a stop        request of a newer version   established             response
      closed by a stop        response of a newer version  closed
      closed by a stop        response without features    closed
      closed by a stop        refusal: no such vNICs       closed
      closed by a stop        refusal: no version          closed
      closed by a stop        close: idle                  closed
      closed by a stop        close: stopped               closed
      closed by a stop        frame, then close: stopped   requested        wait   request
      closed by a stop        close of another CID         closed
      closed by a stop        stop                         closed
      closed by a stop        25 ms                        closed
      closed by a stop        31 s                         closed
      closed by a stop        90 s                         closed
      closed by a stop        frame, then 4 s of silence   plain            wait   request, request, request, request, requ, …
      closing                 frame to send                requested anew   wait   request
      closing                 request, known CID           established anew        response
      closing                 request, another CID         established anew        response
      closing                 response                     closing
      closing                 response to an old CID       closing
      closing                 reset of the peer's CID      closed anew
      closing                 reset of another CID         closing
      closing                 request of a newer version   established anew        response
      closing                 response of a newer version  closing
      closing                 response without features    closing
      closing                 refusal: no such vNICs       closing
      closing                 refusal: no version          closing
      closing                 close: idle                  closed anew
      closing                 close: stopped               closed anew
      closing                 frame, then close: stopped   requested anew   wait   request
      closing                 close of another CID         closing
      closing                 stop                         closing
      closing                 25 ms                        closing                 close
      closing                 31 s                         closed anew             close, close
      closing                 90 s                         closed anew             close, close
      closing                 frame, then 4 s of silence   plain anew       wait   request, request, request, request, requ, …"
    `);
  });
});

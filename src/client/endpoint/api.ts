// What @selvage/client/endpoint offers, and nothing of how: the package's type declarations are a copy of this file.

export interface EndpointOptions {
  /** The vNIC's name in the agent's configuration, where it has `endpoint: true`. */
  readonly vnic: string;
  /** The endpoint's socket; default `/run/selvage/endpoint-VNIC.sock`. */
  readonly socket?: string;
  /** Whether to receive packets that are no UDP datagrams, too: others' broadcasts, say; default false. */
  readonly packets?: boolean;
  /** How long to wait for the agent's answers; default 5000. */
  readonly timeoutMillis?: number;
}

/** Makes this process the owner of an endpoint. Rejects with SelvageError, whose `hint` says what to do. */
export declare function openEndpoint(options: EndpointOptions): Promise<Endpoint>;

/** The same, blocking: for workers, and programs that do nothing else. */
export declare function openEndpointSync(options: EndpointOptions): Endpoint;

/** A vNIC that is yours: packets and datagrams go through the switch without a system call while both sides are awake. */
export interface Endpoint {
  readonly mac: string;
  /** With their prefix lengths. What you send must come from one of them, or the switch drops it. */
  readonly addresses: readonly string[];
  /** Bytes of an IP packet. */
  readonly mtu: number;
  /** Why you are not its owner any more, if that was noticed. */
  readonly ended: SelvageError | undefined;
  readonly counters: EndpointCounters;
  /** Packets to send or receive, as many as `capacity` at a time. Make it once and use it again. */
  newBatch(capacity: number): Batch;
  /** Datagrams to one address: the headers and checksums of Ethernet, IP and UDP are made here. */
  openFlow(options: FlowOptions): SendingFlow;
  /** Whole Ethernet frames of your own making, in one order. */
  openPackets(options?: Urgency & Fullness): SendingFlow;
  /**
   * Receives into `batch`; how many, which is `batch.count` then, too. Flows get their turns: one that has much never keeps
   * another waiting. Goes on after the agent has ended, until nothing is left.
   */
  receive(batch: Batch): number;
  /** What a number in `batch.flows` stands for. */
  receivedFlow(flow: number): ReceivedFlow;
  /**
   * Resolves when there is something to receive, or a flow that did not take all it was given is writable again. On the
   * main thread only. Rejects with SelvageError when the endpoint has ended.
   */
  wait(): Promise<void>;
  /** The same, blocking; false when `timeoutMillis` have passed. Looks a short, adaptive time before it sleeps. */
  waitSync(timeoutMillis?: number): boolean;
  close(): void;
}

/** How urgent a flow is for the switch. */
export interface Urgency {
  /** Its share among flows of its priority, 1 to 255; default 1. */
  readonly weight?: number;
  /** 0, the most urgent, to 7; default 0. */
  readonly priority?: number;
}

export interface Fullness {
  /**
   * What `send` does with packets that there is no room for: 'wait' leaves them to you and lets `wait` tell when there is,
   * 'drop' drops and counts them. Default 'wait'.
   */
  readonly whenFull?: 'wait' | 'drop';
}

export interface FlowOptions extends Urgency, Fullness {
  /** `ADDRESS:PORT`, an IPv6 address in brackets. */
  readonly to: string;
  /** The source port; default: one that no flow of this endpoint uses. */
  readonly from?: number;
  /**
   * A number, 1 to 4294967295, that makes this a flow of its own among those of the same addresses and ports: an RPC's, say.
   * It arrives with each packet unless they cross plain VXLAN.
   */
  readonly nativeId?: number;
}

export interface SendingFlow {
  /**
   * Sends the packets `first` to `first + count - 1` of a batch, by default all; how many were taken. Fewer means that the
   * network or the receiver is behind. Throws SelvageError when the endpoint or the flow has ended.
   */
  send(batch: Batch, first?: number, count?: number): number;
  /** Packets that `send` would take now, at least. */
  readonly writable: number;
  /** Packets dropped for want of room, with `whenFull: 'drop'`. */
  readonly dropped: number;
  readonly from: string;
  readonly to: string;
  setUrgency(urgency: Urgency): void;
  /** What was sent before still goes. */
  close(): void;
}

export interface ReceivedFlow {
  readonly protocol: 'udp' | 'tcp' | 'other';
  /** `ADDRESS:PORT`; addresses alone where there are no ports, MACs where there is no IP. */
  readonly from: string;
  readonly to: string;
  /** 0: the sender gave none. */
  readonly nativeId: number;
}

/** Packets, one behind the other in `bytes`, each with room for a whole frame. */
export interface Batch {
  readonly capacity: number;
  readonly bytes: Uint8Array;
  /** Packets in it: set by `receive`, and what `send` sends by default. */
  count: number;
  /** Of each packet: where its Ethernet frame is in `bytes`. */
  readonly frameAt: Uint32Array;
  readonly frameLength: Uint32Array;
  /**
   * Where a datagram's payload is; of other packets that are received it has length 0. To send datagrams write each at its
   * `payloadAt` and set its `payloadLength`.
   */
  readonly payloadAt: Uint32Array;
  readonly payloadLength: Uint32Array;
  /** Of received packets the flow. */
  readonly flows: Uint32Array;
  /** A view of a packet's payload, and of its frame. */
  payload(packet: number): Uint8Array;
  frame(packet: number): Uint8Array;
  /** Puts a payload or a frame in and makes `count` go that far. */
  setPayload(packet: number, payload: Uint8Array): void;
  setFrame(packet: number, frame: Uint8Array): void;
}

export interface EndpointCounters {
  readonly sent: number;
  readonly received: number;
  /** Received datagrams with a wrong checksum: dropped. */
  readonly badChecksums: number;
  /** Received packets that are no datagrams: dropped, without `packets: true`. */
  readonly others: number;
  /** Times that a flow was given no ring because the endpoint's were all in use. */
  readonly ringsRefused: number;
}

export declare class SelvageError extends Error {
  readonly code:
    | 'bad-config'
    | 'bad-input'
    | 'already-running'
    | 'not-running'
    | 'in-use'
    | 'no-privilege'
    | 'no-program'
    | 'unsupported'
    | 'failed';
  /** What to do. */
  readonly hint: string | undefined;
  /** The message and the hint. */
  override toString(): string;
}

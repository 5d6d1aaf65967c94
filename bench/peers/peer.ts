// One way to join two tenants' machines, ready to carry traffic. Peers are attached beside each other to the same
// machines on the same fabric, so that they meet the same conditions in turns.
export type PeerName =
  | 'selvage'
  | 'selvageAwake'
  | 'kernelVxlan'
  | 'selvageReroute'
  | 'randomRepick'
  | 'probeAndSwitch'
  | 'kernelMptcp'
  | 'linuxTcp'
  | 'inDatapath'
  | 'selvageAlone'
  | 'simulatedTcp'
  | 'simulatedFour'
  | 'selvagePer10Millis'
  | 'selvagePerAck'
  | 'ovsUserspace'
  | 'ovsAfXdp'
  | 'unixSocket'
  | 'unixSocketBatched'
  | 'tcpLoopback'
  | 'messagePort'
  | 'udpSockets'
  | 'afPacket'
  | 'pollingEveryQueue'
  | 'lossy'
  | 'lossyPerVnic'
  | 'backpressure'
  | 'perFlowQueues'
  | 'perFlowDoorbells'
  | 'staticQueues'
  | 'shortQueues'
  | 'longQueues'
  | 'fullMesh'
  | 'activePeers'
  | 'activePorts'
  | 'learning'
  | 'hashEntries'
  | 'bitmaps'
  | 'hierarchicalIndexes'
  | 'mapWrites'
  | 'mapBatches'
  | 'mappedMemory'
  | 'updatePackets';

/** Whatever is compared. */
export interface Contender {
  /** As results name it. */
  readonly name: PeerName;
  /** As tables name it. */
  readonly title: string;
  /** How it is set up, where that is a choice. */
  readonly settings: string;
  /** What polls without end rests while others have their turn. */
  rest?(): void;
  wake?(): void;
}

export interface Peer extends Contender {
  /** The server's address by this way. */
  readonly serverAddress: string;
  /** What the tenants' programs need in their environment to go this way. */
  readonly env?: Readonly<Record<string, string>>;
}

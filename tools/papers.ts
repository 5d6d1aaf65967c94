// The documents this project is built from, by the names our comments cite them with, and their sections. A citation
// of a section that is not listed here is a mistake. Sections marked as background (motivation, evaluation) may be
// cited, but nothing is missing when they are not.

export interface Paper {
  readonly name: string;
  readonly title: string;
  readonly mechanisms: Readonly<Record<string, string>>;
  readonly background: Readonly<Record<string, string>>;
}

export const papers: readonly Paper[] = [
  {
    name: 'BIFROST',
    title:
      "BIFROST: Alibaba's Next-Generation VPC Network with High-Performance Multipath Reliable Transport (NSDI 2026)",
    mechanisms: {
      '3.2': 'Protocol stack',
      '4.1': 'RTT-aware multipath packet spraying',
      '4.2': 'In-place guest reordering',
      '4.3': 'Loss detection via delayed ACK bitmap',
      '4.4': 'Efficient reliability state management: connection aggregation, delayed release, pooling',
      '5.2': 'Offloading: connection establishment, core affinity, packet pipeline',
      '5.3': 'Adaptation to heterogeneous NICs: fallback, version negotiation',
      '7.1': 'Principles of handling packet loss',
      '7.2': 'Handling head-of-line blocking: fallback to the original VPC logic',
      '7.3': 'Reordering that can be switched off',
      '7.4': 'Pitfalls and mitigation of delayed release: window, three RTO failures',
      'C.1': 'Data packet header',
      'C.2': 'Connection establishment packet header',
      'C.3': 'ACK packet header',
      D: 'Congestion control by delay',
      E: 'Detailed pipeline of delayed release',
    },
    background: {
      2: 'Background and motivation',
      '2.1': 'VPC architecture and reliable transport service',
      '2.2': 'Network instabilities in large-scale cloud',
      '2.3': 'Potential solutions and their issues',
      '2.4': 'Design rationale and challenges',
      3: 'Overview',
      '3.1': 'Design overview',
      4: 'Design',
      5: 'Implementation',
      '5.1': 'Deployment issues',
      6: 'Evaluation',
      '6.1': 'Microbenchmarks',
      '6.1.1': 'Multipath packet spraying',
      '6.1.2': 'Packet reordering',
      '6.1.3': 'Reliability coverage',
      '6.1.4': 'Resource optimization',
      '6.2': 'Application performance',
      7: 'Experience',
      C: 'Protocol specification',
      F: 'Supplementary experiments',
    },
  },
  {
    name: 'ZooRoute',
    title:
      'ZooRoute: Enhancing Cloud-Scale Network Reliability via Candidate Path Provisioning and Overlay Proactive Rerouting (NSDI 2026)',
    mechanisms: {
      '4.1': 'On-demand probing',
      '4.2': 'Dynamic frequency adjustment',
      '5.1': 'Path table compression',
      '5.2': 'Packet-triggered table updates',
      6: 'Path switching',
      8: 'Hysteresis',
      A: 'Protocol specification',
    },
    background: {
      3: 'Overview',
      '3.1': 'Design principles',
      '3.2': 'Architecture and workflow',
      4: 'Path probing',
      5: 'Path recording',
      7: 'Evaluation',
      '7.1': 'Evaluation of optimizations',
      '7.2': 'Overhead of ZooRoute',
      '7.3': 'Online performance',
    },
  },
  {
    name: 'Backdraft',
    title: 'Backdraft: a Lossless Virtual Switch that Prevents the Slow Receiver Problem (NSDI 2022)',
    mechanisms: {
      '4.1': 'Doorbell queues',
      '4.2': 'Dynamic per-flow queuing',
      '4.3': 'Backpressure overlay network between switches',
      'A.2': 'Single host bandwidth management',
    },
    background: {
      2: 'Motivation',
      '2.1': 'The slow receiver problem',
      '2.2': 'Lossless switching',
      3: 'Overview',
      4: 'Design',
      5: 'Implementation',
      6: 'Evaluation',
      '6.1': 'Backdraft complements Homa',
      '6.2': 'Per-component analysis',
      '6.3': 'Multi-node performance',
      '6.4': '100 Gbps forwarding performance',
      '6.5': 'Backdraft scalability',
    },
  },
  {
    name: 'CCP',
    title: 'Enabling Configurable, Extensible, and Modular Network Stacks, chapter 4: CCP (MIT 2022)',
    mechanisms: {
      '4.3.1': 'Isolating algorithms from the datapath',
      '4.3.2': 'Decoupling congestion control from the ACK clock',
      '4.3.3': 'Per-ACK logic within the datapath',
      '4.4.1': 'Datapath program abstractions',
      '4.4.2': 'Algorithm logic',
      '4.4.3': 'Example: BBR',
      '4.4.4': 'Case study: slow start',
      '4.5.1': 'Datapath requirements',
      '4.5.2': 'Safe execution of datapath programs',
      '4.5.3': "The datapath's component (libccp)",
      '4.5.4': 'Datapath implementation',
      '4.7.1': 'Sophisticated algorithms: Nimbus',
      '4.7.2': 'Velocity of development: Copa',
      '4.7.3': 'Flow aggregation',
      '4.7.4': 'Write-once, run-anywhere',
    },
    background: {
      '4.3': 'Design principles',
      '4.4': 'Writing algorithms',
      '4.5': 'Implementation',
      '4.6': 'Evaluation',
      '4.6.1': 'Fidelity',
      '4.6.2': 'Performance',
      '4.6.3': 'Low-RTT and high bandwidth paths',
    },
  },
  {
    name: 'mRPC',
    title:
      'Flexible and Efficient Application-Networking Co-Design in Cloud Datacenters, chapter 3: mRPC (Duke 2025)',
    mechanisms: {
      '3.4.1': 'Dynamic RPC binding',
      '3.4.2': 'Shared-memory heaps and queues, policy enforcement on copies, memory management',
      '3.4.3': 'Live upgrades',
    },
    background: {
      '3.3': 'Overview',
      '3.4': 'Design',
      '3.4.4': 'Security considerations',
      '3.5': 'Implementation: engines and runtimes',
      '3.6': 'Evaluation',
      '3.6.1': 'Microbenchmarks',
      '3.6.2': 'Efficient policy enforcement',
      '3.6.3': 'Live upgrade',
    },
  },
];

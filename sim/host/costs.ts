// What it costs a host to move packets, measured on the project's own machine: the wake-up of a sleeping thread
// dominates, everything else is a microsecond or two. They are figures for a model; nothing is derived from them
// but the simulator's own times.

export interface HostCosts {
  /** From the arrival of something to the turn that sees it, when the host sleeps; uniformly up to half more. */
  readonly wakeMicros: number;
  /** After a turn the host looks for more so long before it sleeps. */
  readonly awakeMicros: number;
  readonly turnMicros: number;
  /** Each frame and packet in or out. */
  readonly packetMicros: number;
}

/** The agent: a thread in user space that must be woken. */
export const AGENT_COSTS: HostCosts = { wakeMicros: 25, awakeMicros: 20, turnMicros: 4, packetMicros: 1 };

/** VXLAN in the kernel: it runs in the interrupt that brings the packet. */
export const KERNEL_COSTS: HostCosts = { wakeMicros: 3, awakeMicros: 0, turnMicros: 1, packetMicros: 1 };

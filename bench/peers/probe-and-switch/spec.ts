// What probe-and-switch is told on its command line, as JSON.
export interface ProbeAndSwitchSpec {
  /** The program. */
  readonly bridge: string;
  /** The other tenant's, which is behind the tunnel in use. */
  readonly mac: string;
  /** Of the probes; UDP. */
  readonly port: number;
  readonly tunnels: readonly {
    /** The VXLAN device that carries the tenants' frames. */
    readonly device: string;
    /** Addresses of a device beside it, whose packets have the same outer header. */
    readonly local: string;
    readonly remote: string;
  }[];
}

// What a lab's fabric does with an overlay's packets: which spine a leaf sends a source port to, and which is the busiest.
import type { Lab } from '../../lab/lab.ts';

interface Link {
  readonly ifname: string;
  readonly stats64: { readonly tx: { readonly bytes: number } };
}

export class FabricView {
  private readonly lab: Lab;
  private readonly port: number;

  /** `port` is the overlay's. */
  constructor(lab: Lab, port: number) {
    this.lab = lab;
    this.port = port;
  }

  /** The spine that packets of `host` to `peer` from a source port take. */
  async spineOf(
    host: string,
    peer: string,
    sourcePort: number,
    from = this.lab.node(host).address!,
  ): Promise<string> {
    const ports = ['ipproto', 'udp', 'sport', String(sourcePort), 'dport', String(this.port)];
    const get = ['ip', '-j', 'route', 'get', peer, 'from', from, 'iif', host, ...ports];
    return JSON.parse((await this.lab.run(this.leafOf(host), get)).stdout)[0].dev;
  }

  /** The spine that `leaf` sends the most bytes to while something happens. */
  async busiestSpine(leaf: string, meanwhile: () => Promise<void>): Promise<string> {
    const before = await this.bytesTo(leaf);
    await meanwhile();
    const after = await this.bytesTo(leaf);
    const grown = this.lab.topology.spines.map((spine) => after.get(spine)! - before.get(spine)!);
    return this.lab.topology.spines[grown.indexOf(Math.max(...grown))]!;
  }

  /** Everything to and from a spine vanishes. */
  async swallow(spine: string): Promise<void> {
    for (const { leaf } of this.lab.topology.racks)
      await this.lab.setLink(`${leaf}-${spine}`, { blackhole: 'both' });
  }

  async heal(spine: string): Promise<void> {
    for (const { leaf } of this.lab.topology.racks) await this.lab.resetLink(`${leaf}-${spine}`);
  }

  private async bytesTo(leaf: string): Promise<Map<string, number>> {
    const { stdout } = await this.lab.run(leaf, ['ip', '-j', '-s', 'link', 'show']);
    return new Map((JSON.parse(stdout) as Link[]).map(({ ifname, stats64 }) => [ifname, stats64.tx.bytes]));
  }

  private leafOf(host: string): string {
    return this.lab.topology.racks.find(({ hosts }) => hosts.includes(host))!.leaf;
  }
}
